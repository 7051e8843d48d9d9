//! A bucket of tokens, kept as one instant: when it will be full again if nobody takes more.

use crate::domain::Micros;

/// The least number of requests that one call to storage shall pay for, where the burst is large enough.
const LEAST_BATCH: i64 = 20;
/// A batch is what the sustained rate gives in this part of a second, if that is more.
const BATCHES_A_SECOND: i64 = 5;
/// The most that a sandbox gives away unasked.
const MOST_FREE: i64 = 10;
/// Clocks of two sandboxes are never this far apart.
const SKEW: i64 = 5_000_000;

/// A sustained rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// One token comes back in this many microseconds.
    interval: i64,
    /// What a full bucket holds, in tokens.
    burst: i64,
    /// What a sandbox asks for at a time, in tokens.
    batch: i64,
    /// What a sandbox gives away before it asks, in tokens.
    free: i64,
}

/// How a caller stands, as far as one sandbox knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The most that may be sent at once, in requests.
    pub limit: i64,
    /// What is left of it, in requests.
    pub remaining: i64,
    /// Whole seconds until all of it is there again.
    pub reset_seconds: i64,
}

impl Limit {
    /// `rate` requests a second and `burst` at once. `None` when either is zero: no limit.
    pub fn per_second(rate: u32, burst: u32) -> Option<Self> {
        let (rate, burst) = (i64::from(rate), i64::from(burst));
        if rate == 0 || burst == 0 {
            return None;
        }
        let batch = (rate / BATCHES_A_SECOND).max(LEAST_BATCH).min((burst / 2).max(1));
        Some(Self { interval: (1_000_000 / rate).max(1), burst, batch, free: (burst / 10).min(MOST_FREE) })
    }

    /// `count` at once, and after those one a minute: what is counted one by one. `None` when `count` is zero.
    pub fn in_a_minute(count: u32) -> Option<Self> {
        let burst = i64::from(count);
        (count > 0).then_some(Self { interval: 60_000_000, burst, batch: 1, free: (burst / 10).min(1) })
    }

    /// What a sandbox asks for at a time, in tokens.
    pub const fn batch(&self) -> i64 {
        self.batch
    }

    /// What a sandbox gives away before it asks, in tokens.
    pub const fn free(&self) -> i64 {
        self.free
    }

    /// What may be sent a second for ever, in tokens.
    pub const fn per_second_rate(&self) -> i64 {
        1_000_000 / self.interval
    }

    /// The most that may be sent at once, in tokens.
    pub const fn burst(&self) -> i64 {
        self.burst
    }

    /// How long `tokens` take to come back, in microseconds.
    pub const fn refill(&self, tokens: i64) -> i64 {
        self.interval.saturating_mul(tokens)
    }

    /// The whole tokens in a bucket.
    pub fn level(&self, full_at: Micros, now: Micros) -> i64 {
        let missing = (full_at.0.saturating_sub(now.0)).max(0).saturating_add(self.interval - 1) / self.interval;
        (self.burst - missing).max(0)
    }

    /// The latest [`Micros`] at which a bucket may become full and still hold `tokens` now.
    pub const fn room(&self, now: Micros, tokens: i64) -> Micros {
        now.plus(self.refill(self.burst - tokens))
    }

    /// When a bucket will hold `tokens`.
    pub const fn ready(&self, full_at: Micros, tokens: i64) -> Micros {
        full_at.plus(-self.refill(self.burst - tokens))
    }

    /// Takes tokens out of a bucket: when it will be full then. `None` when it does not hold as many.
    pub fn take(&self, full_at: Micros, now: Micros, tokens: i64) -> Option<Micros> {
        (full_at <= self.room(now, tokens)).then(|| full_at.max(now).plus(self.refill(tokens)))
    }

    /// No bucket becomes full later than this. One that says so was written under another limit, or by a clock that has
    /// since been set back; it counts as full.
    pub const fn absurd(&self, now: Micros) -> Micros {
        now.plus(self.refill(self.burst).saturating_add(SKEW))
    }

    /// How a caller with `remaining` tokens stands.
    pub fn standing(&self, remaining: i64) -> Standing {
        let remaining = remaining.clamp(0, self.burst);
        let reset_seconds = self.refill(self.burst - remaining).saturating_add(999_999) / 1_000_000;
        Standing { limit: self.burst, remaining, reset_seconds }
    }
}
