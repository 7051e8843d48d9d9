//! The arithmetic of a token bucket that is stored as one number: the instant at which it will be full again if nobody
//! takes more.

use crate::domain::Micros;

/// How many requests a sandbox lets through between two reports, where the burst is large enough. More than the 20 that
/// a call shall be good for: what is saved pays for the calls before a refusal.
const LEAST_BATCH: i64 = 25;
/// A batch is what the sustained rate gives in this part of a second, if that is more.
const BATCHES_A_SECOND: i64 = 5;
/// The most that a sandbox lets through before its first report.
const FIRST_BATCH: i64 = 10;
/// How far a bucket can be overdrawn, in batches: many sandboxes may report at the same time.
const MOST_OVERDRAWN: i64 = 8;
/// Clocks of two sandboxes are never this far apart.
const SKEW: i64 = 5_000_000;

/// A rate limit: so many requests a second in the long run, and so many at once.
///
/// A full bucket holds `burst` tokens, one for each request, and one token comes back every `1 / rate` seconds.
/// Instants are in microseconds.
///
/// ```
/// use terrapi::domain::Micros;
/// use terrapi::domain::rate::Limit;
///
/// let limit = Limit::per_second(50, 100).unwrap();
/// let now = Micros(1_000_000_000);
/// assert_eq!(limit.level(now, now), 100, "full");
/// // Twenty requests at once: the bucket is full again after 0.4 s.
/// let full_at = limit.charge(now, now, 20);
/// assert_eq!((limit.level(full_at, now), full_at), (80, now.plus(400_000)));
/// assert!(Limit::per_second(0, 100).is_none(), "no limit");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// One token comes back in this many microseconds.
    interval: i64,
    /// What a full bucket holds, in tokens.
    burst: i64,
    /// How many requests a sandbox lets through between two reports.
    batch: i64,
}

/// The state of a caller's limit, as far as one sandbox knows it. Answers show it in their rate-limit headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// How many requests may be sent at once.
    pub limit: i64,
    /// How many of them are left.
    pub remaining: i64,
    /// Whole seconds until all of them are available again.
    pub reset_seconds: i64,
}

impl Limit {
    /// A limit of `rate` requests a second and `burst` requests at once. `None`, which means no limit, if either is
    /// zero.
    pub fn per_second(rate: u32, burst: u32) -> Option<Self> {
        let (rate, burst) = (i64::from(rate), i64::from(burst));
        if rate == 0 || burst == 0 {
            return None;
        }
        let batch = (rate / BATCHES_A_SECOND).max(LEAST_BATCH).min((burst / 2).max(1));
        Some(Self { interval: (1_000_000 / rate).max(1), burst, batch })
    }

    /// A limit of `count` at once, then one a minute, which is reported after every request. `None`, which means no
    /// limit, if `count` is zero.
    pub fn in_a_minute(count: u32) -> Option<Self> {
        (count > 0).then_some(Self { interval: 60_000_000, burst: i64::from(count), batch: 1 })
    }

    /// How many requests a sandbox lets through between two reports.
    pub const fn batch(&self) -> i64 {
        self.batch
    }

    /// How many requests a sandbox lets through before its first report, if they come fast.
    pub fn first_batch(&self) -> i64 {
        (self.burst / 10).clamp(1, FIRST_BATCH)
    }

    /// The sustained rate, in tokens a second.
    pub const fn per_second_rate(&self) -> i64 {
        1_000_000 / self.interval
    }

    pub const fn burst(&self) -> i64 {
        self.burst
    }

    /// How long it takes until `tokens` have come back, in microseconds.
    pub const fn refill(&self, tokens: i64) -> i64 {
        self.interval.saturating_mul(tokens)
    }

    /// How many whole tokens a bucket holds at `now`. Negative if it is overdrawn.
    pub fn level(&self, full_at: Micros, now: Micros) -> i64 {
        let missing = (full_at.0.saturating_sub(now.0)).max(0).saturating_add(self.interval - 1) / self.interval;
        self.burst - missing
    }

    /// When a bucket will hold at least one token.
    pub const fn ready(&self, full_at: Micros) -> Micros {
        full_at.plus(-self.refill(self.burst - 1))
    }

    /// Takes tokens out of a bucket for requests that were sent from `since` on. Returns when the bucket will be full
    /// after that.
    pub fn charge(&self, full_at: Micros, since: Micros, tokens: i64) -> Micros {
        full_at.max(since).plus(self.refill(tokens))
    }

    /// No bucket becomes full later than this. One that says so was written under another limit, or by a clock that has
    /// since been set back; it counts as full.
    pub const fn absurd(&self, now: Micros) -> Micros {
        self.most(now).plus(SKEW)
    }

    /// A bucket that becomes full later than this is overdrawn so far that nothing more is taken out of it.
    pub const fn most(&self, now: Micros) -> Micros {
        now.plus(self.refill(self.burst + MOST_OVERDRAWN * self.batch))
    }

    /// How a caller with `remaining` tokens stands.
    pub fn status(&self, remaining: i64) -> RateLimitStatus {
        let remaining = remaining.clamp(0, self.burst);
        let reset_seconds = self.refill(self.burst - remaining).saturating_add(999_999) / 1_000_000;
        RateLimitStatus { limit: self.burst, remaining, reset_seconds }
    }
}
