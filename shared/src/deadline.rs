//! The deadline of the current invocation.
//!
//! Lambda kills a function at its timeout: the client gets a bare 500, and unfinished work is lost. Therefore each
//! invocation carries a deadline ([`Deadline::scope`]), every wait ends in time for it ([`within`]), and work that must
//! not be interrupted starts only if enough time is left ([`demand`]). Background work has no deadline.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::domain::{Error, Millis, Result};

tokio::task_local! {
    static DEADLINE: Deadline;
}

/// The time that is reserved for encoding and sending the answer.
const ANSWER_RESERVE: Duration = Duration::from_millis(500);

/// The instant by which an invocation stops waiting.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of an invocation that is killed after `remaining`.
    pub fn after(remaining: Duration) -> Self {
        Self(Instant::now() + remaining.saturating_sub(ANSWER_RESERVE))
    }

    /// The deadline from Lambda's milliseconds since the epoch. `None` if it has passed, which happens with an
    /// emulator.
    pub fn from_epoch_ms(deadline_ms: u64, now: Millis) -> Option<Self> {
        let remaining = deadline_ms.checked_sub(u64::try_from(now.0).ok()?)?;
        Some(Self::after(Duration::from_millis(remaining)))
    }

    /// Runs `work` under this deadline. Drops it and returns `None` if it does not finish in time.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0, DEADLINE.scope(self, work)).await.ok()
    }
}

/// `limit`, or the remaining time if that is less.
pub fn within(limit: Duration) -> Duration {
    remaining().map_or(limit, |remaining| limit.min(remaining))
}

/// Requires that at least `time` is left.
///
/// # Errors
/// Unavailable if less is left. Call this before starting the work.
pub fn demand(time: Duration) -> Result<()> {
    match remaining() {
        Some(remaining) if remaining < time => Err(Error::unavailable("too little time is left in this invocation")),
        _ => Ok(()),
    }
}

fn remaining() -> Option<Duration> {
    DEADLINE.try_with(|Deadline(at)| at.saturating_duration_since(Instant::now())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_end_with_the_invocation() {
        assert_eq!(within(Duration::from_secs(9)), Duration::from_secs(9), "without a deadline the limit is unchanged");
        let checks = async {
            assert!(within(Duration::from_secs(9)) <= Duration::from_millis(4_500));
            assert_eq!(within(Duration::from_secs(1)), Duration::from_secs(1));
            demand(Duration::from_secs(1)).unwrap();
            assert!(matches!(demand(Duration::from_secs(5)), Err(Error::Unavailable { .. })));
        };
        assert_eq!(Deadline::after(Duration::from_secs(5)).scope(checks).await, Some(()));
        let silent = std::future::pending::<()>();
        assert_eq!(Deadline::after(ANSWER_RESERVE).scope(silent).await, None);
    }

    #[test]
    fn past_deadline_is_ignored() {
        assert!(Deadline::from_epoch_ms(0, Millis(1_790_000_000_000)).is_none());
        assert!(Deadline::from_epoch_ms(600_000, Millis(1_790_000_000_000)).is_none());
    }

    #[tokio::test]
    async fn header_deadline_is_compared_with_the_clock() {
        let now = Millis(1_790_000_000_000);
        let deadline = Deadline::from_epoch_ms(1_790_000_029_000, now).unwrap();
        let left = deadline.scope(async { within(Duration::from_mins(1)) }).await.unwrap();
        assert!(left > Duration::from_secs(20) && left <= Duration::from_millis(28_500), "{left:?}");
    }
}
