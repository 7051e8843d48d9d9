//! The engine of all tasks: leases a task, executes the steps of its kind while there is time, then finishes or releases
//! it.
//!
//! A further kind of task is a variant of [`Work`], a file that implements [`Steps`], and an arm in [`work`]. If creating
//! the task claims something, `Store::finish_task` releases it.

use std::time::Duration;

use terrapi::domain::{Error, Millis, Result, Seconds, TaskId, TaskState, Work};
use terrapi::runtime::App;
use terrapi::store::operations::{TaskLease, TaskRelease};
use tokio::time::timeout;

use crate::refresh::Refresh;
use crate::turn::{Deadline, Steps, Stop, after, backoff};

/// After how many consecutive leases without a step a task fails.
const ATTEMPTS: u32 = 5;
/// The maximum age of a task in seconds.
const MAX_AGE_SECONDS: i64 = 24 * 3600;
/// The longest backoff after failures.
const MAX_BACKOFF: Duration = Duration::from_mins(16);
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
    let worked = match exhausted(&lease, now) {
        Some(why) => Err(Stop::Over(TaskState::Failed, why)),
        None => timeout(deadline.left(now), work(app, &mut lease, deadline)).await.unwrap_or(Err(Stop::More)),
    };
    close(app, &lease, worked).await
}

/// Prepares the kind of the task and executes its steps.
async fn work(app: &App, lease: &mut TaskLease, deadline: Deadline) -> Result<(), Stop> {
    match lease.task.work {
        Work::RefreshRepositories { generation } => {
            let refresh = Refresh::prepare(app, lease.task.namespace, generation).await?;
            execute(app, lease, refresh, deadline).await
        }
    }
}

/// Executes steps until all are done or the time is up, but at least one.
async fn execute<K: Steps>(app: &App, lease: &mut TaskLease, kind: K, deadline: Deadline) -> Result<(), Stop> {
    let mut step = match &lease.cursor {
        Some(cursor) => serde_json::from_str(cursor).map_err(|error| Error::internal("decoding a cursor", error))?,
        None => K::FIRST,
    };
    loop {
        let (next, done) = kind.step(step, lease).await?;
        lease.task.progress += done;
        let Some(next) = next else { return Ok(()) };
        let cursor = serde_json::to_string(&next).map_err(|error| Error::internal("encoding a cursor", error))?;
        app.store.step_task(lease, cursor, app.clock.now()).await??;
        step = next;
        if !deadline.allows_a_step(app.clock.now()) {
            return Err(Stop::More);
        }
    }
}

/// The reason why the task must not be tried again, if there is one.
fn exhausted(lease: &TaskLease, now: Millis) -> Option<String> {
    if lease.failures >= ATTEMPTS {
        return Some(given_up(lease.last_error.as_deref().unwrap_or("the work was interrupted")));
    }
    let end: Seconds = lease.task.created_at.seconds().plus(MAX_AGE_SECONDS);
    (end <= now.seconds()).then(|| "it took longer than a day".into())
}

fn given_up(why: &str) -> String {
    format!("{why}; given up after {ATTEMPTS} attempts")
}

/// How long to wait after a failure. The second attempt follows at once.
fn retry_wait(failures: u32) -> Option<Duration> {
    failures.checked_sub(1).map(|failures| backoff(failures, MAX_BACKOFF))
}

/// Finishes the task, or releases it for another lease.
async fn close(app: &App, lease: &TaskLease, worked: Result<(), Stop>) -> Result<()> {
    let (store, now) = (&app.store, app.clock.now());
    tracing::info!(task = %lease.task.id, ?worked, "the work under a lease ended");
    let release = |wait: Option<Duration>, error: Option<String>| {
        let how = TaskRelease { not_before: wait.map(|wait| after(now, wait)), error };
        async move { store.release_task(lease, &how, now).await }
    };
    let closed = match worked {
        Ok(()) => store.finish_task(lease, TaskState::Completed, None, now).await?,
        Err(Stop::Over(state, why)) => store.finish_task(lease, state, Some(&why), now).await?,
        Err(Stop::Unavailable(why)) if lease.failures + 1 >= ATTEMPTS => {
            store.finish_task(lease, TaskState::Failed, Some(&given_up(&why)), now).await?
        }
        Err(Stop::Unavailable(why)) => release(retry_wait(lease.failures), Some(why)).await?,
        Err(Stop::Wait(wait)) => release(Some(wait.min(MAX_WAIT)), None).await?,
        Err(Stop::More) => release(None, None).await?,
        Err(Stop::Lost) => return Ok(()),
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
        let waits: Vec<_> = (0..7).map(|failures| retry_wait(failures).map_or(0, |wait| wait.as_secs())).collect();
        assert_eq!(waits, [0, 60, 120, 240, 480, 960, 960]);
    }
}
