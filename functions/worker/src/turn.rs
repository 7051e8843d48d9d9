//! What the engine in `task.rs` and the kinds of work share: time limits, the reasons to stop, and backoff.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use terrapi::domain::{Error, Millis, TaskState, Vcs};
use terrapi::store::operations::{LeaseLost, TaskLease};
use terrapi::vcs::Failure;

/// In the last milliseconds of an invocation no further step is started.
const NO_STEP_BEFORE_END_MS: i64 = 30_000;
/// In the last milliseconds of an invocation a running step is cancelled: releasing the task takes a moment.
const CANCEL_BEFORE_END_MS: i64 = 5_000;
/// The assumed duration of an invocation without a known deadline, in milliseconds: the timeout in the template.
const DEFAULT_INVOCATION_MS: i64 = 120_000;

/// A kind of task, prepared for the work under one lease. The engine in `task.rs` leases the task, executes the steps,
/// stores the next one as the task's cursor, waits after failures, and finishes the task.
pub trait Steps {
    /// A step, as the cursor stores it. It may be executed twice.
    type Step: Serialize + DeserializeOwned;

    const FIRST: Self::Step;

    /// Executes one step. Returns the next one (`None` when all are done), and how many items to add to the progress.
    async fn step(&self, step: Self::Step, lease: &TaskLease) -> Result<(Option<Self::Step>, u64), Stop>;
}

/// Why the work under a lease stopped before it was complete.
#[derive(Debug)]
pub enum Stop {
    /// The work must not be tried again. Carries a final state and the reason, for people.
    Over(TaskState, String),
    /// More steps remain for another lease.
    More,
    /// More steps remain, but not before this wait, which the provider asked for. This does not count as a failure.
    Wait(Duration),
    /// The provider or DynamoDB was unavailable. Carries the reason, for people. Another lease may succeed.
    Unavailable(String),
    /// Another worker may have leased the task.
    Lost,
}

impl Stop {
    /// A call to this provider failed.
    pub fn by_provider(vcs: Vcs, failure: &Failure) -> Self {
        tracing::warn!(error = %failure, "a call to the provider failed");
        let name = provider_name(vcs);
        match failure {
            Failure::Busy(wait) => Self::Wait(*wait),
            Failure::Unavailable(_) => Self::Unavailable(format!("{name} was unavailable")),
            Failure::Rejected | Failure::Forbidden | Failure::NotFound => {
                Self::Over(TaskState::Failed, format!("{name} does not let this service see the installation"))
            }
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        tracing::error!(%error, "storage failed during the work of a lease");
        Self::Unavailable("storage was unavailable".into())
    }
}

impl From<LeaseLost> for Stop {
    fn from(LeaseLost: LeaseLost) -> Self {
        Self::Lost
    }
}

/// The provider's name, for people.
pub const fn provider_name(vcs: Vcs) -> &'static str {
    match vcs {
        Vcs::Github => "GitHub",
        Vcs::Gitlab => "GitLab",
    }
}

/// 1, 2, 4 … minutes, up to `max`.
pub fn backoff(failures: u32, max: Duration) -> Duration {
    Duration::from_mins(1 << failures.min(10)).min(max)
}

/// The time after a wait. It is never before `now`.
pub fn after(now: Millis, wait: Duration) -> Millis {
    Millis(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)))
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

    #[test]
    fn backoff_doubles_up_to_its_maximum() {
        let waits = [0, 1, 5, 6, 100].map(|failures| backoff(failures, Duration::from_hours(1)).as_secs());
        assert_eq!(waits, [60, 120, 1_920, 3_600, 3_600]);
    }
}
