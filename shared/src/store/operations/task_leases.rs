//! The work on a task: a worker leases it, continues at the last cursor, and finishes the task or releases it.

use std::pin::pin;

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::stream::TryStreamExt as _;
use uuid::Uuid;

use super::super::client::{Store, unexpired};
use super::super::error::Failure;
use super::super::item::{Attributes, Item, b, json, n, s};
use super::super::update::Update;
use super::super::{keys, transaction};
use super::leases::{LEASE_MS, LeaseLost, MAY_BE_LEASED, may_be_leased};
use super::tasks;
use crate::domain::{Error, Millis, Result, Task, TaskId, TaskState, Work};

/// A task that this worker has leased.
#[derive(Clone, Debug)]
pub struct TaskLease {
    /// The task as it was when it was leased.
    pub task: Task,
    /// The cursor of the last completed step.
    pub cursor: Option<String>,
    /// The number of consecutive leases that ended without a step.
    pub failures: u32,
    /// The error of the last of them, for people.
    pub last_error: Option<String>,
    /// When the lease expires.
    pub held_until: Millis,
    holder: Uuid,
}

/// How a task is released before it is finished.
#[derive(Clone, Debug)]
pub struct TaskRelease {
    /// When it may be leased again. Absent: at once.
    pub not_before: Option<Millis>,
    /// The error, if it is released because of a failure.
    pub error: Option<String>,
}

impl TaskLease {
    /// Requires that the lease has not expired. Otherwise another worker may have leased the task.
    pub fn require(&self, now: Millis) -> Result<(), LeaseLost> {
        if now < self.held_until { Ok(()) } else { Err(LeaseLost) }
    }
}

impl Store {
    /// Leases a task. Returns `None` if it is finished, leased by another worker, or waiting for its time. `holder`
    /// must be random for each call.
    pub async fn lease_task(&self, id: TaskId, holder: Uuid, now: Millis) -> Result<Option<TaskLease>> {
        let item = self.get(&self.tables.operations, s(keys::task(id)), s(keys::TASK)).await?;
        let Some(item) = item.and_then(|item| unexpired(item, now.seconds())) else { return Ok(None) };
        let task = tasks::decode(id, &item)?;
        if task.state.is_final() || !may_be_leased(&item, now) {
            return Ok(None);
        }
        // A released task has no holder. If it has one, its lease expired because the worker died.
        let before = item.find_bytes("holder").map(<[u8]>::to_vec);
        let holder_died = before.is_some();
        let failures = item.find_number("failures").unwrap_or(0) + u32::from(holder_died);
        let lease: u64 = item.number("turn")?;
        let update = self.task_update(
            id,
            "SET #state = :running, holder = :holder, lease_until = :until, failures = :failures, turn = :next, \
             updated_at = :now REMOVE wake, not_before",
        );
        // The worker whose lease is over may still write, and the failures were counted by whether it holds the task.
        let same_holder = if holder_died { "holder = :died" } else { "attribute_not_exists(holder)" };
        let update = update.condition(format!("turn = :turn AND {same_holder} AND {MAY_BE_LEASED}"));
        let update = update.values([
            (":running", json(&TaskState::Running)?),
            (":holder", b(holder.into_bytes())),
            (":until", n(now.0 + LEASE_MS)),
            (":failures", n(failures)),
            (":next", n(lease + 1)),
            (":now", n(now.0)),
            (":turn", n(lease)),
        ]);
        let update = update.values(before.map(|before| (":died", b(before)))).returning_on_failure();
        match update.send(self).await {
            Ok(_) => {}
            // The answer to the first attempt was lost, and the retry found its effect.
            Err(Failure::Condition(Some(existing)))
                if existing.find_bytes("holder") == Some(holder.as_bytes().as_slice()) => {}
            Err(Failure::Condition(_)) => return Ok(None),
            Err(failure) => return Err(failure.into()),
        }
        let cursor = item.find_text("cursor").map(str::to_owned);
        let last_error = item.find_text("last_error").map(str::to_owned);
        Ok(Some(TaskLease { task, cursor, failures, last_error, held_until: Millis(now.0 + LEASE_MS), holder }))
    }

    /// Stores the cursor and the progress after a step and extends the lease. Repeating this changes nothing.
    pub async fn step_task(&self, lease: &mut TaskLease, cursor: String, now: Millis) -> Result<Result<(), LeaseLost>> {
        let update = self.task_update(
            lease.task.id,
            "SET #cursor = :cursor, progress = :progress, failures = :none, lease_until = :until, updated_at = :now \
             REMOVE last_error",
        );
        let update = update.values([
            (":cursor", s(&cursor)),
            (":progress", n(lease.task.progress)),
            (":none", n(0)),
            (":until", n(now.0 + LEASE_MS)),
            (":now", n(now.0)),
        ]);
        let kept = self.update_if_held(update, lease.holder).await?;
        if kept.is_ok() {
            lease.cursor = Some(cursor);
            lease.held_until = Millis(now.0 + LEASE_MS);
            lease.failures = 0;
            lease.last_error = None;
        }
        Ok(kept)
    }

    /// Releases an unfinished task. Unless it has to wait, the write itself wakes the next worker.
    pub async fn release_task(
        &self,
        lease: &TaskLease,
        how: &TaskRelease,
        now: Millis,
    ) -> Result<Result<(), LeaseLost>> {
        let wait = how.not_before.filter(|until| *until > now);
        let failures = lease.failures + u32::from(how.error.is_some());
        let mut set = "SET failures = :failures, updated_at = :now".to_owned();
        set.push_str(if wait.is_some() { ", not_before = :then" } else { ", wake = :now" });
        set.push_str(if how.error.is_some() { ", last_error = :error" } else { "" });
        let update = self.task_update(lease.task.id, format!("{set} REMOVE holder, lease_until"));
        let update = update.values([(":failures", n(failures)), (":now", n(now.0))]);
        let update = update.values(wait.map(|then| (":then", n(then.0))));
        let update = update.values(how.error.as_ref().map(|error| (":error", s(error))));
        self.update_if_held(update, lease.holder).await
    }

    /// Finishes a task and removes it from the unfinished ones, so that another may begin.
    pub async fn finish_task(
        &self,
        lease: &TaskLease,
        state: TaskState,
        error: Option<&str>,
        now: Millis,
    ) -> Result<Result<(), LeaseLost>> {
        let end = vec![
            self.final_update(lease, state, error, now)?,
            transaction::delete(&self.tables.operations, open_key(lease.task.id))?,
        ];
        let release = match lease.task.work {
            Work::RefreshRepositories { .. } => Some(self.release_refresh(&lease.task)?),
        };
        let with_release = release.map(|release| [end.as_slice(), &[release]].concat());
        // The task must be able to finish even if another task holds what this one would release.
        for items in with_release.into_iter().chain([end]) {
            match self.transact(items).await {
                Ok(()) => return Ok(Ok(())),
                Err(Failure::Condition(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Ok(Err(LeaseLost))
    }

    fn final_update(
        &self,
        lease: &TaskLease,
        state: TaskState,
        error: Option<&str>,
        now: Millis,
    ) -> Result<TransactWriteItem> {
        let set = if error.is_some() { "SET #error = :error, " } else { "SET " };
        let update = self.task_update(
            lease.task.id,
            format!(
                "{set}#state = :state, progress = :progress, updated_at = :now \
                 REMOVE holder, lease_until, #cursor, failures, last_error"
            ),
        );
        let update = update.condition("holder = :holder").values(error.map(|error| (":error", s(error))));
        let update = update.values([
            (":state", json(&state)?),
            (":progress", n(lease.task.progress)),
            (":now", n(now.0)),
            (":holder", b(lease.holder.into_bytes())),
        ]);
        update.in_transaction()
    }

    /// Wakes the unfinished tasks that can be leased: those of workers that died, and those whose time has come.
    /// Returns how many it woke.
    pub async fn wake_tasks(&self, now: Millis) -> Result<usize> {
        let (mut woken, mut pages) = (0, pin!(self.items_of(keys::OPEN_TASKS)));
        while let Some(page) = pages.try_next().await? {
            for item in page {
                let id = TaskId::parse(item.text(keys::SK)?)
                    .ok_or(Error::corrupt_item("an unfinished task's sort key is not a task id"))?;
                woken += usize::from(self.wake_task(id, now).await?);
            }
        }
        Ok(woken)
    }

    async fn wake_task(&self, id: TaskId, now: Millis) -> Result<bool> {
        let item = self.get(&self.tables.operations, s(keys::task(id)), s(keys::TASK)).await?;
        let Some(item) = item else {
            // The task no longer exists.
            self.delete(&self.tables.operations, open_key(id)).await?;
            return Ok(false);
        };
        let unchanged = ("turn = :turn", Some((":turn", n(item.number::<u64>("turn")?))));
        self.wake(&item, tasks::key(id), unchanged, now).await
    }

    fn task_update(&self, id: TaskId, expression: impl Into<String>) -> Update {
        Update::new(&self.tables.operations, tasks::key(id), expression)
    }
}

pub(super) fn open_key(id: TaskId) -> Item {
    Item::from([(keys::PK.into(), s(keys::OPEN_TASKS)), (keys::SK.into(), s(id.to_string()))])
}
