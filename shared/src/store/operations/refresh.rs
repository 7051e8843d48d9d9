//! Starts a refresh of an installation's repositories. At most one runs for each installation.

use aws_sdk_dynamodb::types::TransactWriteItem;
use uuid::Uuid;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, b, json, n, ss};
use super::super::update::Update;
use super::{ATTEMPTS, installations, tasks};
use crate::domain::{Error, InstallationState, Millis, Namespace, Result, Task, TaskId, TaskState, UserId, Work};

impl Store {
    /// The task that refreshes the installation's repositories. If one is running, `caller` becomes another owner of
    /// it; otherwise a task with the id `fresh` is created.
    ///
    /// # Errors
    /// Not found if the installation is unknown. Forbidden if it is not active.
    pub async fn start_refresh(
        &self,
        namespace: Namespace,
        caller: UserId,
        fresh: TaskId,
        now: Millis,
    ) -> Result<TaskId> {
        for _ in 0..ATTEMPTS {
            let item = self.get_installation_item(namespace).await?.ok_or(Error::NotFound)?;
            installations::decode(namespace, &item)?.require_active()?;
            let held_by = item.find_bytes("refresh_task").and_then(|id| Uuid::from_slice(id).ok()).map(TaskId::new);
            if let Some(running) = held_by
                && self.join_task(running, caller).await?
            {
                return Ok(running);
            }
            let refreshes: u64 = item.find_number("refreshes").unwrap_or(0);
            let task = Task {
                id: fresh,
                owners: [caller].into(),
                namespace,
                work: Work::RefreshRepositories { generation: refreshes + 1 },
                state: TaskState::Pending,
                progress: 0,
                error: None,
                created_at: now,
                updated_at: now,
            };
            match self.transact(self.claim(&task, refreshes)?).await {
                Ok(()) => return Ok(fresh),
                Err(Failure::Condition(_) | Failure::Busy(_)) => {}
                Err(failure) => return Err(failure.into()),
            }
        }
        Err(Error::unavailable("too many concurrent attempts to start a refresh"))
    }

    /// Makes a user an owner of a task. Returns `false` if the task is finished or no longer exists.
    async fn join_task(&self, id: TaskId, user: UserId) -> Result<bool> {
        let update = Update::new(&self.tables.operations, tasks::key(id), "ADD owners :user");
        let update = update.condition("#state IN (:pending, :running)").values([
            (":user", ss([user])),
            (":pending", json(&TaskState::Pending)?),
            (":running", json(&TaskState::Running)?),
        ]);
        update.applied(self).await
    }

    /// The write that allows the next refresh. It fails if the installation names another task.
    pub(super) fn release_refresh(&self, task: &Task) -> Result<TransactWriteItem> {
        let key = installations::key(task.namespace);
        let release = Update::new(&self.tables.operations, key, "REMOVE refresh_task");
        release.condition("refresh_task = :task").values([(":task", b(task.id.bytes()))]).in_transaction()
    }

    /// Creates the task and makes the installation name it, if no other refresh has started since `refreshes` was read
    /// and the installation is active.
    fn claim(&self, task: &Task, refreshes: u64) -> Result<Vec<TransactWriteItem>> {
        let key = installations::key(task.namespace);
        let claim = Update::new(&self.tables.operations, key, "SET refresh_task = :task, refreshes = :next");
        let claim = claim.condition(
            "#state = :installed AND (refreshes = :counted OR (attribute_not_exists(refreshes) AND :counted = :none))",
        );
        let claim = claim.values([
            (":installed", json(&InstallationState::Installed)?),
            (":task", b(task.id.bytes())),
            (":counted", n(refreshes)),
            (":next", n(refreshes + 1)),
            (":none", n(0)),
        ]);
        Ok([claim.in_transaction()?].into_iter().chain(self.new_task(task)?).collect())
    }
}
