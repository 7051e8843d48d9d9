//! The time limits of the work under one lease, and how that work ends.

use std::time::Duration;

use terrapi::domain::{Millis, TaskState};

/// In the last milliseconds of an invocation no further step is started.
const NO_STEP_BEFORE_END_MS: i64 = 30_000;
/// In the last milliseconds of an invocation a running step is cancelled: releasing the task takes a moment.
const CANCEL_BEFORE_END_MS: i64 = 5_000;
/// The assumed duration of an invocation without a known deadline, in milliseconds: the timeout in the template.
const DEFAULT_INVOCATION_MS: i64 = 120_000;

/// How the work under one lease ended.
#[derive(Debug)]
pub enum TurnOutcome {
    Completed,
    /// The task has failed or was aborted. Carries the reason, for people.
    Over(TaskState, String),
    /// More steps remain for another lease.
    More,
    /// More steps remain, but not before this wait, which the provider asked for. This does not count as a failure.
    Wait(Duration),
    /// The provider or DynamoDB was unavailable. Carries the reason, for people. Another lease may succeed.
    Unavailable(String),
    /// Another worker has leased the task.
    Lost,
}

/// When an invocation ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Millis);

/// The end of an invocation from the runtime's deadline in epoch milliseconds. The local emulator sends a constant in
/// the past and ends no invocation, so any value will do there.
pub fn ends_at(deadline_ms: u64, now: Millis) -> Millis {
    i64::try_from(deadline_ms)
        .map(Millis)
        .ok()
        .filter(|end| *end > now)
        .unwrap_or(Millis(now.0 + DEFAULT_INVOCATION_MS))
}

impl Deadline {
    /// Whether enough time is left for another step.
    pub fn allows_a_step(self, now: Millis) -> bool {
        now.0 < self.0.0 - NO_STEP_BEFORE_END_MS
    }

    /// The time until a running step is cancelled.
    pub fn left(self, now: Millis) -> Duration {
        Duration::from_millis(u64::try_from(self.0.0 - CANCEL_BEFORE_END_MS - now.0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_deadline_falls_back_to_two_minutes() {
        let now = Millis(1_790_000_000_000);
        assert_eq!(ends_at(1_790_000_120_000, now), Millis(1_790_000_120_000));
        assert_eq!(ends_at(600_000, now), Millis(now.0 + 120_000));
    }

    #[test]
    fn no_step_starts_or_continues_close_to_the_deadline() {
        let deadline = Deadline(Millis(100_000));
        assert!(deadline.allows_a_step(Millis(69_999)) && !deadline.allows_a_step(Millis(70_000)));
        assert_eq!(deadline.left(Millis(90_000)), Duration::from_secs(5));
        assert_eq!(deadline.left(Millis(99_000)), Duration::ZERO);
    }
}
