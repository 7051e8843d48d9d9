//! Processes a task under one lease: leases it, executes steps while there is time, then finishes or releases it.

use std::time::Duration;

use terrapi::domain::{Error, Millis, Result, Seconds, TaskId, TaskState, Work};
use terrapi::runtime::App;
use terrapi::store::operations::{TaskLease, TaskRelease};
use tokio::time::timeout;

use crate::refresh;
use crate::turn::{Deadline, TurnOutcome};

/// After how many consecutive leases without a step a task fails.
const ATTEMPTS: u32 = 5;
/// The maximum age of a task in seconds.
const MAX_AGE_SECONDS: i64 = 24 * 3600;
/// The longest wait that a provider can ask for. GitHub's rate limits are reset within an hour.
const MAX_WAIT: Duration = Duration::from_hours(1);

/// The maximum time under one lease in milliseconds, however long the invocation may run: other changes of the batch
/// wait.
const MAX_LEASE_WORK_MS: i64 = 75_000;

/// Leases a task, if that is possible, and works on it.
///
/// # Errors
/// DynamoDB failed, and the task could not be released either: its lease must expire first.
pub async fn take_turn(app: &App, id: TaskId, deadline: Deadline) -> Result<()> {
    let now = app.clock.now();
    let Some(mut lease) = app.store.lease_task(id, app.random.id()?, now).await? else { return Ok(()) };
    let deadline = Deadline(deadline.0.min(Millis(now.0 + MAX_LEASE_WORK_MS)));
    let end = match exhausted(&lease, now) {
        Some(end) => end,
        None => match timeout(deadline.left(now), work(app, &mut lease, deadline)).await {
            Ok(end) => end.unwrap_or_else(|error| storage_unavailable(&error)),
            Err(_) => TurnOutcome::More,
        },
    };
    close(app, &lease, end).await
}

async fn work(app: &App, lease: &mut TaskLease, deadline: Deadline) -> Result<TurnOutcome> {
    match lease.task.work {
        Work::RefreshRepositories { generation } => refresh::run(app, lease, generation, deadline).await,
    }
}

/// The outcome of a task that must not be tried again.
fn exhausted(lease: &TaskLease, now: Millis) -> Option<TurnOutcome> {
    let over = |why: String| Some(TurnOutcome::Over(TaskState::Failed, why));
    if lease.failures >= ATTEMPTS {
        let why = lease.last_error.as_deref().unwrap_or("the work broke off");
        return over(given_up(why));
    }
    let end: Seconds = lease.task.created_at.seconds().plus(MAX_AGE_SECONDS);
    if end <= now.seconds() { over("it took longer than a day".into()) } else { None }
}

fn given_up(why: &str) -> String {
    format!("{why}; given up after {ATTEMPTS} attempts")
}

fn storage_unavailable(error: &Error) -> TurnOutcome {
    tracing::error!(%error, "DynamoDB failed during a task");
    TurnOutcome::Unavailable("storage was away".into())
}

/// The second attempt follows at once, later ones after 1, 2, 4 … minutes, to give an unavailable service time to
/// recover.
fn backoff(failures: u32) -> Option<Duration> {
    failures.checked_sub(1).map(|doublings| Duration::from_mins(1 << doublings.min(4)))
}

async fn close(app: &App, lease: &TaskLease, end: TurnOutcome) -> Result<()> {
    let now = app.clock.now();
    let end = match end {
        TurnOutcome::Unavailable(why) if lease.failures + 1 >= ATTEMPTS => {
            TurnOutcome::Over(TaskState::Failed, given_up(&why))
        }
        end => end,
    };
    tracing::info!(task = %lease.task.id, ?end, "the work under a lease ended");
    let release = |wait: Option<Duration>, error: Option<String>| {
        let after = |wait: Duration| Millis(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
        TaskRelease { not_before: wait.map(after), error }
    };
    let closed = match end {
        TurnOutcome::Completed => app.store.finish_task(lease, TaskState::Completed, None, now).await?,
        TurnOutcome::Over(state, why) => app.store.finish_task(lease, state, Some(&why), now).await?,
        TurnOutcome::More => app.store.release_task(lease, &release(None, None), now).await?,
        TurnOutcome::Wait(wait) => app.store.release_task(lease, &release(Some(wait.min(MAX_WAIT)), None), now).await?,
        TurnOutcome::Unavailable(why) => {
            app.store.release_task(lease, &release(backoff(lease.failures), Some(why)), now).await?
        }
        TurnOutcome::Lost => return Ok(()),
    };
    if closed.is_err() {
        tracing::warn!(task = %lease.task.id, "another worker has leased the task");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unavailable_provider_is_retried_with_growing_backoff() {
        let pauses: Vec<_> = (0..7).map(|failures| backoff(failures).map_or(0, |backoff| backoff.as_secs())).collect();
        assert_eq!(pauses, [0, 60, 120, 240, 480, 960, 960]);
    }
}
