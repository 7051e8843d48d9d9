//! What one sandbox knows about the bucket of one rate limit key, and what it may still use of it.

use super::limit::{Limit, RateLimitStatus};
use crate::domain::Micros;

/// A report pays for this many requests. One call must pay for at least 20, and a report sometimes takes two calls.
const REQUESTS_A_CALL: i64 = 22;
/// How many calls a sandbox can save requests for.
const MOST_SAVED: i64 = 5;
/// With smaller batches than this, the bucket is not divided between sandboxes.
const SHARED_BATCH: i64 = 2;
/// Fractions are counted in units of 1 / `WHOLE`.
const WHOLE: i64 = 1 << 10;
/// How long the next report waits after one that could not be sent, in microseconds.
const POSTPONED: i64 = 1_000_000;

const LONG_AGO: Micros = Micros(0);

/// What one sandbox knows about the budget of one [`RateLimitKey`](super::RateLimitKey).
#[derive(Clone, Debug)]
pub struct LocalBudget {
    /// How many requests were let through and not yet reported.
    unreported: i64,
    /// When the first of them came.
    since: Micros,
    /// When the shared bucket will be full, according to the last answer.
    shared_full_at: Micros,
    /// The same for this sandbox's decisions, which treat an overdrawn bucket as empty.
    full_at: Micros,
    /// Whether other sandboxes had used the bucket, according to the last answer.
    busy: bool,
    /// When the last answer came; `None` before the first report.
    answered_at: Option<Micros>,
    /// The fraction of the tokens that this sandbox may use until its next report, in units of 1 / [`WHOLE`].
    part: i64,
    /// What was left of that fraction before the last report: at most one token, in microseconds of refill.
    left: i64,
    /// The fraction of all reported requests that this sandbox reported, in units of 1 / [`WHOLE`].
    share: i64,
    /// How many requests have come that no call was made for.
    saved: i64,
    /// The earliest time for the next report.
    ask_at: Micros,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Let it pass.
    Go,
    /// Send this report to storage, pass the answer to [`LocalBudget::answered`], and ask again.
    Ask(Report),
    /// Refuse it. This is the instant from which it may pass.
    Wait(Micros),
}

/// The requests that a sandbox has let through since its last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// How many requests.
    pub tokens: i64,
    /// When the first of them came; the time of the report if there was none.
    pub since: Micros,
    /// When the bucket is expected to be full. If the guess is right, one call is enough.
    pub full_at: Micros,
}

impl Default for LocalBudget {
    /// Before the first report: the bucket counts as full.
    fn default() -> Self {
        Self {
            unreported: 0,
            since: LONG_AGO,
            shared_full_at: LONG_AGO,
            full_at: LONG_AGO,
            busy: false,
            answered_at: None,
            part: WHOLE,
            left: 0,
            share: WHOLE,
            saved: 0,
            ask_at: LONG_AGO,
        }
    }
}

impl LocalBudget {
    /// Decides about a request, and counts it if it may pass.
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

    /// Until when every request would be refused; `None` if one may pass. Counts nothing.
    pub fn refused_until(&mut self, limit: &Limit, now: Micros) -> Option<Micros> {
        self.mend(limit, now);
        self.refused_at(limit, now)
    }

    /// Stores the answer to a report: when the bucket will be full.
    pub fn answered(&mut self, limit: &Limit, report: Report, full_at: Micros, now: Micros) {
        // What was let through while storage did not answer is not forgotten.
        let full_at = full_at.max(limit.charge(self.shared_full_at, report.since, report.tokens));
        let before = self.shared_full_at.max(report.since);
        self.busy = full_at > report.since.plus(limit.refill(report.tokens));
        let all = (full_at.0.saturating_sub(before.0) / limit.refill(1)).max(report.tokens).max(1);
        let share = (report.tokens * WHOLE / all).clamp(WHOLE / 128, WHOLE);
        self.share = if self.answered_at.is_some() { i64::midpoint(self.share, share) } else { share };
        self.settle(limit, report, full_at, now);
        self.saved = (self.saved - REQUESTS_A_CALL).min(MOST_SAVED * REQUESTS_A_CALL);
    }

    /// The report got no answer. It counts as charged, so that no request is charged twice.
    pub fn unanswered(&mut self, limit: &Limit, report: Report, now: Micros) {
        self.settle(limit, report, limit.charge(self.shared_full_at, report.since, report.tokens), now);
        self.part = WHOLE;
    }

    /// The report could not be sent. Its requests are part of the next report.
    pub fn postponed(&mut self, now: Micros) {
        self.ask_at = now.plus(POSTPONED);
    }

    /// The state of the limit, for the answer's headers.
    pub fn status(&self, limit: &Limit, now: Micros) -> RateLimitStatus {
        limit.status(limit.level(self.full_at, now) - self.unreported)
    }

    fn settle(&mut self, limit: &Limit, report: Report, full_at: Micros, now: Micros) {
        let token = limit.refill(1);
        let left = (self.own(limit, now) - limit.refill(self.unreported)).clamp(-token, token);
        self.unreported -= report.tokens;
        self.since = now;
        self.shared_full_at = full_at;
        self.full_at = full_at;
        self.answered_at = Some(now);
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
        let full_at = if self.busy { self.shared_full_at.max(since.plus(1)) } else { self.shared_full_at };
        Report { tokens: self.unreported, since, full_at }
    }

    /// Whether enough requests are unreported. Before its first report, a sandbox reports sooner if requests come fast.
    fn report_is_due(&self, limit: &Limit, now: Micros) -> bool {
        let fast = || now.0 - self.since.0 < 2 * limit.refill(self.unreported);
        let stale = limit.batch() == 1 && self.answered_at.is_some_and(|answered_at| answered_at < now);
        self.unreported >= limit.batch()
            // Of what is counted one by one none is let through on hearsay.
            || stale && self.refused_at(limit, now).is_none()
            || self.answered_at.is_none() && self.unreported >= limit.first_batch() && fast()
    }

    /// How many tokens this sandbox may use, in microseconds of refill.
    fn own(&self, limit: &Limit, now: Micros) -> i64 {
        let level = limit.refill(limit.burst()) - (self.full_at.0 - now.0);
        self.left + level.max(0) / WHOLE * self.part + level.max(0) % WHOLE * self.part / WHOLE
    }

    /// From when a request may pass; `None`: now.
    fn refused_at(&self, limit: &Limit, now: Micros) -> Option<Micros> {
        let wanted = limit.refill(self.unreported + 1);
        if self.own(limit, now) >= wanted {
            return None;
        }
        let level = ((wanted - self.left).max(0).saturating_mul(WHOLE) + self.part - 1) / self.part;
        Some(self.full_at.plus(level - limit.refill(limit.burst())).max(now.plus(1)))
    }

    /// Whether asking storage again could give another answer.
    fn outdated(&self, limit: &Limit, now: Micros) -> bool {
        self.answered_at.is_none_or(|answered_at| now.0 - answered_at.0 >= limit.refill(2) * WHOLE / self.share)
    }

    /// Corrects instants that lie too far in the future because the clock was set back.
    fn mend(&mut self, limit: &Limit, now: Micros) {
        self.since = self.since.min(now);
        self.shared_full_at = self.shared_full_at.min(limit.most(now));
        self.full_at = self.full_at.min(now.plus(limit.refill(limit.burst())));
        self.answered_at = self.answered_at.map(|answered_at| answered_at.min(now));
        self.ask_at = self.ask_at.min(now.plus(POSTPONED));
    }
}
