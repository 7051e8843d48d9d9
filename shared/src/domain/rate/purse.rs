//! What one sandbox knows and holds of one subject's bucket.

use super::limit::{Limit, Standing};
use crate::domain::Micros;

/// One token given away unasked is forgiven in this many intervals, so that eight sandboxes give away a tenth of the rate.
const FORGIVEN_INTERVALS: i64 = 80;
/// A batch is good for this long, in microseconds. What is left of it then is lost.
const KEPT: i64 = 60_000_000;
/// Asking in vain more often than this spreads sandboxes no further.
const MOST_VAIN: i64 = 8;

const LONG_AGO: Micros = Micros(0);

/// A sandbox's part of a subject's budget.
#[derive(Clone, Debug)]
pub struct Purse {
    /// Tokens taken out of the bucket and not yet spent.
    held: i64,
    held_until: Micros,
    /// When the shared bucket is full, as last heard of, or later by what was taken while storage did not answer.
    /// Others may have taken more since.
    full_at: Micros,
    /// When all that was given away unasked is forgiven.
    forgiven_at: Micros,
    /// Not to be asked for before this.
    ask_at: Micros,
    /// The bucket was found empty, and has not been seen half full since.
    dry: bool,
    /// Askings in vain, less those that were not: how many others want the same tokens.
    vain: i64,
    /// Spreads those who wait for the same token.
    dice: u64,
}

/// What a request must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pass.
    Go,
    /// Ask storage for so many tokens, tell the purse, and try again.
    Ask(i64),
    /// Be refused until then.
    Wait(Micros),
}

impl Purse {
    /// Knows nothing, so believes the bucket full. `dice` differs between sandboxes.
    pub const fn new(dice: u64) -> Self {
        Self {
            held: 0,
            held_until: LONG_AGO,
            full_at: LONG_AGO,
            forgiven_at: LONG_AGO,
            ask_at: LONG_AGO,
            dry: false,
            vain: 0,
            dice,
        }
    }

    /// Spends a token, if there is one or one may be given away.
    pub fn spend(&mut self, limit: &Limit, now: Micros) -> Step {
        self.mend(limit, now);
        if self.held > 0 {
            self.held -= 1;
            return Step::Go;
        }
        if now < self.ask_at {
            return Step::Wait(self.ask_at);
        }
        let (level, debt) = (limit.level(self.full_at, now), self.debt(limit, now));
        if !self.dry && debt < limit.free() && level * 2 >= limit.burst() {
            self.forgiven_at = self.forgiven_at.max(now).plus(limit.refill(FORGIVEN_INTERVALS));
            return Step::Go;
        }
        // The last of a bucket may come in small change. Once it is empty, only whole batches are worth a call.
        let wanted = if self.dry { self.whole_batch(limit, now) } else { (debt + limit.batch()).min(level) };
        if wanted <= debt || wanted > level {
            self.dry = true;
            self.ask_at = self.next_try(limit, now);
            return Step::Wait(self.ask_at);
        }
        Step::Ask(wanted)
    }

    /// Until when a request is sure to be refused. Spends nothing.
    pub fn refused_until(&mut self, limit: &Limit, now: Micros) -> Option<Micros> {
        self.mend(limit, now);
        let debt = self.debt(limit, now);
        if self.held > 0 {
            None
        } else if now < self.ask_at {
            Some(self.ask_at)
        } else if limit.level(self.full_at, now) <= debt {
            Some(limit.ready(self.full_at, debt + 1))
        } else {
            None
        }
    }

    /// Takes in what storage gave.
    pub fn granted(&mut self, limit: &Limit, tokens: i64, full_at: Micros, now: Micros) {
        let debt = self.debt(limit, now);
        self.held = self.held_at(now) + (tokens - debt).max(0);
        self.held_until = now.plus(KEPT);
        self.forgiven_at = LONG_AGO;
        self.full_at = full_at.max(self.full_at.max(now).plus(limit.refill(tokens)));
        self.vain = (self.vain - 1).max(0);
        self.dry &= limit.level(self.full_at, now) * 2 < limit.burst();
    }

    /// Notes that storage has too few tokens.
    pub fn refused(&mut self, limit: &Limit, full_at: Micros, now: Micros) {
        self.full_at = self.full_at.max(full_at);
        self.dry = true;
        self.vain = (self.vain + 1).min(MOST_VAIN);
        self.ask_at = self.next_try(limit, now);
    }

    /// Storage did not answer: goes by what is known here, so that one sandbox alone still keeps to the limit.
    pub fn unanswered(&mut self, limit: &Limit, tokens: i64, now: Micros) {
        match limit.take(self.full_at, now, tokens) {
            Some(full_at) => self.granted(limit, tokens, full_at, now),
            None => self.refused(limit, self.full_at, now),
        }
    }

    /// When the bucket is full, as last heard of.
    pub const fn full_at(&self) -> Micros {
        self.full_at
    }

    /// How the subject stands.
    pub fn standing(&self, limit: &Limit, now: Micros) -> Standing {
        let known = if self.dry { 0 } else { limit.level(self.full_at, now) - self.debt(limit, now) };
        limit.standing(self.held_at(now) + known)
    }

    /// Tokens given away, and neither paid for nor forgiven.
    fn debt(&self, limit: &Limit, now: Micros) -> i64 {
        let each = limit.refill(FORGIVEN_INTERVALS);
        ((self.forgiven_at.0 - now.0).max(0).saturating_add(each - 1) / each).min(limit.free())
    }

    fn held_at(&self, now: Micros) -> i64 {
        if now < self.held_until { self.held } else { 0 }
    }

    /// When there will be a batch, and some time later, so that others who wait for it have their turn too: never so
    /// late that the bucket would run over.
    fn next_try(&mut self, limit: &Limit, now: Micros) -> Micros {
        self.dice = self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let most = limit.refill(((limit.batch() - 1) * (self.vain + 1)).min(limit.burst() - limit.batch()));
        let spread = most / 256 * i64::from(self.dice.to_be_bytes()[0]);
        limit.ready(self.full_at, self.whole_batch(limit, now)).max(now).plus(spread)
    }

    /// What is worth a call when tokens are scarce.
    fn whole_batch(&self, limit: &Limit, now: Micros) -> i64 {
        limit.batch().max(self.debt(limit, now) + 1)
    }

    /// After the clock was set back nothing lies further ahead than it can.
    fn mend(&mut self, limit: &Limit, now: Micros) {
        self.held = self.held_at(now);
        self.held_until = self.held_until.min(now.plus(KEPT));
        self.full_at = self.full_at.min(limit.room(now, 0));
        self.forgiven_at = self.forgiven_at.min(now.plus(limit.refill(FORGIVEN_INTERVALS * limit.free())));
        self.ask_at = self.ask_at.min(now.plus(limit.refill(2 * limit.burst())));
    }
}
