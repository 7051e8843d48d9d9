//! What one sandbox knows and holds of one subject's bucket.

use super::limit::{Limit, RateLimitStatus};
use crate::domain::Micros;

/// A report is good for this many requests. It is two calls, now and then, and a call shall be good for 20.
const REQUESTS_A_CALL: i64 = 22;
/// The most calls that a sandbox saves up.
const MOST_SAVED: i64 = 5;
/// Of smaller batches no sandbox has a share.
const SHARED_BATCH: i64 = 2;
/// Parts are counted in these.
const WHOLE: i64 = 1 << 10;
/// After a call that was not sent the next one waits this long, in microseconds.
const POSTPONED: i64 = 1_000_000;

const LONG_AGO: Micros = Micros(0);

/// A sandbox's account of a subject's budget.
#[derive(Clone, Debug)]
pub struct LocalBudget {
    /// Requests let through and not yet reported.
    unreported: i64,
    /// When the first of them came.
    since: Micros,
    /// When the shared bucket is full, as last heard of.
    heard: Micros,
    /// The same for this sandbox's decisions, to which a bucket is never overdrawn.
    full_at: Micros,
    /// Others had used the bucket since the reported requests, the last time.
    busy: bool,
    /// When it was last heard of; `None` before the first report.
    heard_at: Option<Micros>,
    /// The part of the tokens that this sandbox may spend until it reports again, of [`WHOLE`].
    part: i64,
    /// What is left of that part from before the last report: one token at most, in microseconds of refill.
    left: i64,
    /// The part of all reports that were this sandbox's, of [`WHOLE`].
    share: i64,
    /// Requests seen that no call has been made for.
    saved: i64,
    /// No report before this.
    ask_at: Micros,
}

/// What a request must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Pass.
    Go,
    /// Report to storage, tell the budget, and try again.
    Ask(Report),
    /// Be refused until then.
    Wait(Micros),
}

/// What a sandbox has let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// So many requests.
    pub tokens: i64,
    /// The first of them came then, or now when there was none.
    pub since: Micros,
    /// When the bucket is full: a guess, which makes the first call the right one.
    pub full_at: Micros,
}

impl Default for LocalBudget {
    /// Knows nothing, so believes the bucket full.
    fn default() -> Self {
        Self {
            unreported: 0,
            since: LONG_AGO,
            heard: LONG_AGO,
            full_at: LONG_AGO,
            busy: false,
            heard_at: None,
            part: WHOLE,
            left: 0,
            share: WHOLE,
            saved: 0,
            ask_at: LONG_AGO,
        }
    }
}

impl LocalBudget {
    /// Lets a request through, if there is a token left for it as far as this sandbox knows.
    pub fn spend(&mut self, limit: &Limit, now: Micros) -> Step {
        self.mend(limit, now);
        if now >= self.ask_at && self.report_is_due(limit, now) {
            return Step::Ask(self.report(now));
        }
        match self.refused_at(limit, now) {
            None => {
                if self.unreported == 0 {
                    self.since = now;
                }
                self.unreported += 1;
                self.saved += 1;
                Step::Go
            }
            // Before it refuses a sandbox looks again, if it has saved up for the call.
            Some(_) if now >= self.ask_at && self.saved >= REQUESTS_A_CALL && self.outdated(limit, now) => {
                Step::Ask(self.report(now))
            }
            Some(until) => {
                self.saved += 1;
                Step::Wait(until)
            }
        }
    }

    /// Until when a request is sure to be refused. Spends nothing.
    pub fn refused_until(&mut self, limit: &Limit, now: Micros) -> Option<Micros> {
        self.mend(limit, now);
        self.refused_at(limit, now)
    }

    /// Takes in what storage said after a report.
    pub fn heard(&mut self, limit: &Limit, report: Report, full_at: Micros, now: Micros) {
        // What was let through while storage did not answer is not forgotten.
        let full_at = full_at.max(limit.charge(self.heard, report.since, report.tokens));
        let before = self.heard.max(report.since);
        self.busy = full_at > report.since.plus(limit.refill(report.tokens));
        let all = (full_at.0.saturating_sub(before.0) / limit.refill(1)).max(report.tokens).max(1);
        let share = (report.tokens * WHOLE / all).clamp(WHOLE / 128, WHOLE);
        self.share = if self.heard_at.is_some() { i64::midpoint(self.share, share) } else { share };
        self.settle(limit, report, full_at, now);
        self.saved = (self.saved - REQUESTS_A_CALL).min(MOST_SAVED * REQUESTS_A_CALL);
    }

    /// A report was not answered: it counts as taken, so that nothing is paid for twice.
    pub fn unanswered(&mut self, limit: &Limit, report: Report, now: Micros) {
        self.settle(limit, report, limit.charge(self.heard, report.since, report.tokens), now);
        self.part = WHOLE;
    }

    /// A report was not sent. What it would have said is said later.
    pub fn postponed(&mut self, now: Micros) {
        self.ask_at = now.plus(POSTPONED);
    }

    /// How the subject stands.
    pub fn status(&self, limit: &Limit, now: Micros) -> RateLimitStatus {
        limit.status(limit.level(self.full_at, now) - self.unreported)
    }

    fn settle(&mut self, limit: &Limit, report: Report, full_at: Micros, now: Micros) {
        let token = limit.refill(1);
        let left = (self.own(limit, now) - limit.refill(self.unreported)).clamp(-token, token);
        self.unreported -= report.tokens;
        self.since = now;
        self.heard = full_at;
        self.full_at = full_at;
        self.heard_at = Some(now);
        self.ask_at = LONG_AGO;
        (self.part, self.left) = (WHOLE, 0);
        if limit.batch() < SHARED_BATCH {
            // Too few to be shared out: each sandbox waits for what the bucket really holds.
            return;
        }
        self.full_at = full_at.min(now.plus(limit.refill(limit.burst())));
        // Of a bucket that is more than half full all may be spent, the more of it the fuller it is; of the rest this
        // sandbox's share; and less than that while it is overdrawn.
        let (level, burst) = (limit.level(full_at, now), limit.burst());
        let half = (burst / 2).max(1);
        let above = ((level - half).max(0) * WHOLE / half).min(WHOLE);
        let overdrawn = (-level).clamp(0, burst * 7 / 8);
        let share = self.share - self.share * overdrawn / burst;
        self.part = share.max(above).max(1);
        if self.part < WHOLE {
            self.left = left;
        }
    }

    fn report(&self, now: Micros) -> Report {
        let since = if self.unreported == 0 { now } else { self.since };
        // A bucket that others use is probably in use again.
        let full_at = if self.busy { self.heard.max(since.plus(1)) } else { self.heard };
        Report { tokens: self.unreported, since, full_at }
    }

    /// A sandbox that has not reported yet does so sooner when requests come fast.
    fn report_is_due(&self, limit: &Limit, now: Micros) -> bool {
        let fast = || now.0 - self.since.0 < 2 * limit.refill(self.unreported);
        let stale = limit.batch() == 1 && self.heard_at.is_some_and(|heard_at| heard_at < now);
        self.unreported >= limit.batch()
            // Of what is counted one by one none is let through on hearsay.
            || stale && self.refused_at(limit, now).is_none()
            || self.heard_at.is_none() && self.unreported >= limit.first_batch() && fast()
    }

    /// This sandbox's part of the bucket's tokens and of those that come, in microseconds of refill.
    fn own(&self, limit: &Limit, now: Micros) -> i64 {
        let level = limit.refill(limit.burst()) - (self.full_at.0 - now.0);
        self.left + level.max(0) / WHOLE * self.part + level.max(0) % WHOLE * self.part / WHOLE
    }

    /// `None`: a request may pass.
    fn refused_at(&self, limit: &Limit, now: Micros) -> Option<Micros> {
        let wanted = limit.refill(self.unreported + 1);
        if self.own(limit, now) >= wanted {
            return None;
        }
        let level = ((wanted - self.left).max(0).saturating_mul(WHOLE) + self.part - 1) / self.part;
        Some(self.full_at.plus(level - limit.refill(limit.burst())).max(now.plus(1)))
    }

    /// Whether another look would show something else.
    fn outdated(&self, limit: &Limit, now: Micros) -> bool {
        self.heard_at.is_none_or(|heard_at| now.0 - heard_at.0 >= limit.refill(2) * WHOLE / self.share)
    }

    /// After the clock was set back nothing lies further ahead than it can.
    fn mend(&mut self, limit: &Limit, now: Micros) {
        self.since = self.since.min(now);
        self.heard = self.heard.min(limit.most(now));
        self.full_at = self.full_at.min(now.plus(limit.refill(limit.burst())));
        self.heard_at = self.heard_at.map(|heard_at| heard_at.min(now));
        self.ask_at = self.ask_at.min(now.plus(POSTPONED));
    }
}
