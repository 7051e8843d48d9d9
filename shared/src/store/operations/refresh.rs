//! Starts a refresh of an installation's repositories. At most one runs for each installation.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use uuid::Uuid;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, b, json, n, ss};
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
        let update = self.db.update_item().table_name(&self.tables.operations).set_key(Some(tasks::key(id)));
        let update = update.update_expression("ADD owners :user").expression_attribute_values(":user", ss([user]));
        let update = update.condition_expression("#state IN (:pending, :running)");
        let update = update.expression_attribute_names("#state", "state");
        let update = update.expression_attribute_values(":pending", json(&TaskState::Pending)?);
        let update = update.expression_attribute_values(":running", json(&TaskState::Running)?);
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) => Ok(true),
            Err(Failure::Condition(_)) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// The write that allows the next refresh. It fails if the installation names another task.
    pub(super) fn release_refresh(&self, task: &Task) -> Result<TransactWriteItem> {
        let release = Update::builder().table_name(&self.tables.operations);
        let release =
            release.set_key(Some(installations::key(task.namespace))).update_expression("REMOVE refresh_task");
        let release = release.condition_expression("refresh_task = :task");
        let release = release.expression_attribute_values(":task", b(task.id.bytes()));
        let release = release.build().map_err(|error| Error::internal("finishing a refresh", error))?;
        Ok(TransactWriteItem::builder().update(release).build())
    }

    /// Creates the task and makes the installation name it, if no other refresh has started since `refreshes` was read
    /// and the installation is active.
    fn claim(&self, task: &Task, refreshes: u64) -> Result<Vec<TransactWriteItem>> {
        let claim = Update::builder().table_name(&self.tables.operations);
        let claim = claim.set_key(Some(installations::key(task.namespace)));
        let claim = claim.update_expression("SET refresh_task = :task, refreshes = :next");
        let claim = claim.condition_expression(
            "#state = :installed AND (refreshes = :counted OR (attribute_not_exists(refreshes) AND :counted = :none))",
        );
        let claim = claim.expression_attribute_names("#state", "state");
        let claim = claim.expression_attribute_values(":installed", json(&InstallationState::Installed)?);
        let claim = claim.expression_attribute_values(":task", b(task.id.bytes()));
        let claim = claim.expression_attribute_values(":counted", n(refreshes));
        let claim = claim.expression_attribute_values(":next", n(refreshes + 1));
        let claim = claim.expression_attribute_values(":none", n(0));
        let claim = claim.build().map_err(|error| Error::internal("starting a refresh", error))?;
        let puts = self.new_task(task)?.map(|put| TransactWriteItem::builder().put(put).build());
        Ok([TransactWriteItem::builder().update(claim).build()].into_iter().chain(puts).collect())
    }
}
