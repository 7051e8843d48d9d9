//! One turn at a task: how long it may take and how it ends.

use std::time::Duration;

use terrapi::domain::{Millis, TaskState};

/// How long before the end of an invocation no further step is begun, in milliseconds.
const LAST_STEP_MS: i64 = 30_000;
/// How long before that end whatever is under way is broken off, in milliseconds: giving the task back takes a moment.
const BREAK_OFF_MS: i64 = 5_000;
/// How long an invocation goes on whose end was not told, in milliseconds: as long as the template gives the function.
const UNTOLD_MS: i64 = 120_000;

/// How a turn ends.
#[derive(Debug)]
pub enum TurnOutcome {
    /// The task is done.
    Completed,
    /// It will never be done, or must not go on, and why, for people.
    Over(TaskState, String),
    /// There is more to do, for another lease.
    More,
    /// There is more to do, but not for this long: somebody asked for patience, which is no failure.
    Wait(Duration),
    /// Somebody else was away, and who, for people: another lease may fare better.
    Unavailable(String),
    /// Somebody else holds the task by now.
    Lost,
}

/// When an invocation ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(pub Millis);

/// The end of an invocation: what the runtime was told, in epoch milliseconds. The local emulator tells a constant in the
/// distant past; nothing ends there, so any time will do.
pub fn ends_at(told: u64, now: Millis) -> Millis {
    i64::try_from(told).map(Millis).ok().filter(|end| *end > now).unwrap_or(Millis(now.0 + UNTOLD_MS))
}

impl Deadline {
    /// Whether there is time for another step.
    pub fn allows_a_step(self, now: Millis) -> bool {
        now.0 < self.0.0 - LAST_STEP_MS
    }

    /// The time until whatever is under way is broken off.
    pub fn left(self, now: Millis) -> Duration {
        Duration::from_millis(u64::try_from(self.0.0 - BREAK_OFF_MS - now.0).unwrap_or_default())
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
