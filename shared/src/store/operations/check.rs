//! The checks of the operations table.

use super::super::check::Check;
use super::super::item::{self, Attributes};
use super::super::keys;
use super::{dead_letters, installations, repositories, runs, task_leases, tasks};
use crate::domain::{Result, RunKind, TaskId};

impl Check<'_> {
    /// `false` if there is no such entity here.
    pub(in crate::store) async fn operations_item(&mut self, entity: &str) -> Result<bool> {
        match entity {
            "installation" => self.installation().await?,
            "installation-secret" => self.installation_secret(),
            "repository" => self.repository(),
            "run" => self.stored_run(),
            "drift-unlock" => _ = self.decoded(self.item.number::<i64>("unlocked_at")),
            "task" => self.task().await?,
            "open-task" => self.open_task().await?,
            "membership-check" => self.membership_check(),
            "dead-letter" => _ = self.decoded(dead_letters::decode(self.item)),
            "failure" => self.failure(),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// If it names a running refresh, that task exists.
    async fn installation(&mut self) -> Result<()> {
        let namespace = keys::parse_installation(self.partition());
        let Some(namespace) = self.present(namespace, "its key names no installation") else { return Ok(()) };
        self.decoded(installations::decode(namespace, self.item));
        if self.item.contains_key("refresh_task") {
            let Some(task) = self.decoded(self.item.uuid("refresh_task")) else { return Ok(()) };
            if self.find(&tasks::key(TaskId::new(task))).await?.is_none() {
                self.warn("the task of its refresh has expired");
            }
        }
        Ok(())
    }

    fn installation_secret(&mut self) {
        let known = [keys::WEBHOOK_SECRET, keys::ACCESS_TOKEN].contains(&self.sort_key());
        self.require(known, "its key names no secret");
        self.decoded(self.item.bytes("sealed"));
    }

    fn repository(&mut self) {
        if let Some(id) = self.decoded(repositories::decode_id(self.item)) {
            self.require(self.sort_key() == keys::repository(id), "its key does not agree with its contents");
        }
    }

    /// A drift run is listed by the time of its creation.
    fn stored_run(&mut self) {
        let Some(run) = self.decoded(runs::decode(self.item)) else { return };
        self.require_key(&item::key(keys::run(run.id), keys::RUN));
        let listed = self.item.find_text(keys::DRIFT_SORT_KEY);
        let own = (run.kind == RunKind::Drift).then(|| keys::drift_sort_key(run.created_at, run.id));
        self.require(listed == own.as_deref(), "its entry in the listing of drift runs is wrong");
    }

    /// Is in the list of unfinished tasks if it is unfinished.
    async fn task(&mut self) -> Result<()> {
        let id = keys::parse_task(self.partition());
        let Some(id) = self.present(id, "its key names no task") else { return Ok(()) };
        let Some(task) = self.decoded(tasks::decode(id, self.item)) else { return Ok(()) };
        if task.state.is_final() || self.expired() {
            return Ok(());
        }
        let problem = "it is unfinished, but not in the list of unfinished tasks";
        self.require_item(task_leases::open_key(id), problem, |_| true).await
    }

    /// Its task is unfinished.
    async fn open_task(&mut self) -> Result<()> {
        let id = TaskId::parse(self.sort_key());
        let Some(id) = self.present(id, "its key names no task") else { return Ok(()) };
        match self.find(&tasks::key(id)).await? {
            None => self.warn("its task has expired"),
            Some(row) => {
                let finished = tasks::decode(id, &row).is_ok_and(|task| task.state.is_final());
                self.require(!finished, "its task is finished");
            }
        }
        Ok(())
    }

    fn membership_check(&mut self) {
        let key = keys::parse_membership_check(self.sort_key());
        self.require(key.is_some(), "its key names no membership");
        self.decoded(self.item.number::<i64>("asked_at"));
    }

    fn failure(&mut self) {
        self.decoded(self.item.number::<u32>("attempts"));
        self.decoded(self.item.number::<i64>("first_at"));
    }
}
