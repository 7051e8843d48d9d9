//! When the invocation in hand must have answered.
//!
//! Lambda kills a function at its timeout: the caller hears a bare 500, and what was under way is lost. So each invocation
//! carries its deadline ([`Deadline::scope`]), every wait below it ends in time ([`within`]), and what must not be broken off
//! half-way is not begun without the time for it ([`demand`]). Work beside the answer has no deadline.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::domain::{Error, Millis, Result};

tokio::task_local! {
    static DEADLINE: Deadline;
}

/// What is kept back for shaping the answer and sending it.
const ANSWERING: Duration = Duration::from_millis(500);

/// The instant by which an invocation stops waiting.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline of an invocation that is killed after `remaining`.
    pub fn after(remaining: Duration) -> Self {
        Self(Instant::now() + remaining.saturating_sub(ANSWERING))
    }

    /// The deadline that Lambda tells, in milliseconds since the epoch. `None` when it has passed: an emulator's.
    pub fn from_epoch_ms(deadline_ms: u64, now: Millis) -> Option<Self> {
        let remaining = deadline_ms.checked_sub(u64::try_from(now.0).ok()?)?;
        Some(Self::after(Duration::from_millis(remaining)))
    }

    /// Runs `work` under this deadline. `None` when it was not done in time; it has been dropped then.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.0, DEADLINE.scope(self, work)).await.ok()
    }
}

/// `limit`, or the time that is left if that is less.
pub fn within(limit: Duration) -> Duration {
    remaining().map_or(limit, |remaining| limit.min(remaining))
}

/// Makes sure that there is time for something.
///
/// # Errors
/// Unavailable: there is not, and nothing was begun.
pub fn demand(time: Duration) -> Result<()> {
    match remaining() {
        Some(remaining) if remaining < time => Err(Error::unavailable("too little time is left of the invocation")),
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
        assert_eq!(within(Duration::from_secs(9)), Duration::from_secs(9), "nobody waits");
        let checks = async {
            assert!(within(Duration::from_secs(9)) <= Duration::from_millis(4_500));
            assert_eq!(within(Duration::from_secs(1)), Duration::from_secs(1));
            demand(Duration::from_secs(1)).unwrap();
            assert!(matches!(demand(Duration::from_secs(5)), Err(Error::Unavailable { .. })));
        };
        assert_eq!(Deadline::after(Duration::from_secs(5)).scope(checks).await, Some(()));
        let silent = std::future::pending::<()>();
        assert_eq!(Deadline::after(ANSWERING).scope(silent).await, None);
    }

    #[test]
    fn deadline_in_the_past_is_none() {
        assert!(Deadline::from_epoch_ms(0, Millis(1_790_000_000_000)).is_none());
        assert!(Deadline::from_epoch_ms(600_000, Millis(1_790_000_000_000)).is_none());
    }

    #[tokio::test]
    async fn told_deadline_is_held_against_the_clock() {
        let now = Millis(1_790_000_000_000);
        let deadline = Deadline::from_epoch_ms(1_790_000_029_000, now).unwrap();
        let left = deadline.scope(async { within(Duration::from_mins(1)) }).await.unwrap();
        assert!(left > Duration::from_secs(20) && left <= Duration::from_millis(28_500), "{left:?}");
    }
}
