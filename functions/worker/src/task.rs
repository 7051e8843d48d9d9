//! One turn at a task: take it, work while there is time, then finish it or hand it over.

use std::time::Duration;

use terrapi::domain::{Error, Millis, Result, Seconds, TaskId, TaskState, Work};
use terrapi::runtime::App;
use terrapi::store::operations::{TaskLease, TaskRelease};
use tokio::time::timeout;

use crate::refresh;
use crate::turn::{Deadline, TurnOutcome};

/// Turns in a row without a step forward after which a task is given up.
const ATTEMPTS: u32 = 5;
/// How long a task may take altogether, in seconds.
const LONGEST_SECONDS: i64 = 24 * 3600;
/// For how long a task is put off at most, whatever a provider asks for: GitHub's limits start over within the hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// How long a turn takes at most, in milliseconds, however long the invocation may: others wait for their lease behind it.
const LONGEST_TURN_MS: i64 = 75_000;

/// Takes a turn, if the task is there to be taken.
///
/// # Errors
/// Storage failed, and the task could not be given back either: it stays leased to a worker that is gone.
pub async fn take_turn(app: &App, id: TaskId, deadline: Deadline) -> Result<()> {
    let now = app.clock.now();
    let Some(mut lease) = app.store.lease_task(id, app.random.id()?, now).await? else { return Ok(()) };
    let deadline = Deadline(deadline.0.min(Millis(now.0 + LONGEST_TURN_MS)));
    let end = match hopeless(&lease, now) {
        Some(end) => end,
        None => match timeout(deadline.left(now), work(app, &mut lease, deadline)).await {
            Ok(end) => end.unwrap_or_else(|error| storage_away(&error)),
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

/// Why a task is not tried again.
fn hopeless(lease: &TaskLease, now: Millis) -> Option<TurnOutcome> {
    let over = |why: String| Some(TurnOutcome::Over(TaskState::Failed, why));
    if lease.failures >= ATTEMPTS {
        let why = lease.last_error.as_deref().unwrap_or("the work broke off");
        return over(given_up(why));
    }
    let end: Seconds = lease.task.created_at.seconds().plus(LONGEST_SECONDS);
    if end <= now.seconds() { over("it took longer than a day".into()) } else { None }
}

fn given_up(why: &str) -> String {
    format!("{why}; given up after {ATTEMPTS} attempts")
}

fn storage_away(error: &Error) -> TurnOutcome {
    tracing::error!(%error, "storage failed in the middle of a task");
    TurnOutcome::Unavailable("storage was away".into())
}

/// The second attempt comes at once, later ones after 1, 2, 4 … minutes: whoever is away should have the time to come
/// back.
fn pause(failures: u32) -> Option<Duration> {
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
    tracing::info!(task = %lease.task.id, ?end, "a turn ends");
    let release = |wait: Option<Duration>, error: Option<String>| {
        let after = |wait: Duration| Millis(now.0.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)));
        TaskRelease { not_before: wait.map(after), error }
    };
    let closed = match end {
        TurnOutcome::Completed => app.store.finish_task(lease, TaskState::Completed, None, now).await?,
        TurnOutcome::Over(state, why) => app.store.finish_task(lease, state, Some(&why), now).await?,
        TurnOutcome::More => app.store.release_task(lease, &release(None, None), now).await?,
        TurnOutcome::Wait(wait) => {
            app.store.release_task(lease, &release(Some(wait.min(LONGEST_WAIT)), None), now).await?
        }
        TurnOutcome::Unavailable(why) => {
            app.store.release_task(lease, &release(pause(lease.failures), Some(why)), now).await?
        }
        TurnOutcome::Lost => return Ok(()),
    };
    if closed.is_err() {
        tracing::warn!(task = %lease.task.id, "another worker has taken the task over");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unavailable_provider_is_retried_with_growing_backoff() {
        let pauses: Vec<_> = (0..7).map(|failures| pause(failures).map_or(0, |pause| pause.as_secs())).collect();
        assert_eq!(pauses, [0, 60, 120, 240, 480, 960, 960]);
    }
}
