//! One turn at a task: take it, work while there is time, then finish it or hand it over.

use std::time::Duration;

use terrapi::domain::{Error, Millis, Result, Seconds, TaskId, TaskState, Work};
use terrapi::runtime::App;
use terrapi::store::operations::{TaskLease, TaskRelease};
use tokio::time::timeout;

use crate::refresh;

/// Turns in a row without a step forward after which a task is given up.
const ATTEMPTS: u32 = 5;
/// How long a task may take altogether, in seconds.
const LONGEST_SECONDS: i64 = 24 * 3600;
/// How long before the end of an invocation no further step is begun, in milliseconds.
const LAST_STEP_MS: i64 = 30_000;
/// How long before that end whatever is under way is broken off, in milliseconds: giving the task back takes a moment.
const BREAK_OFF_MS: i64 = 5_000;

/// For how long a task is put off at most, whatever a provider asks for: GitHub's limits start over within the hour.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// How long a turn takes at most, in milliseconds, however long the invocation may: others wait for their lease behind it.
const LONGEST_TURN_MS: i64 = 75_000;
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
