//! Tasks, and the list of unfinished ones.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::super::client::{Store, unexpired};
use super::super::item::{Attributes, Item, json, n, s, ss};
use super::super::keys;
use super::super::transaction::{put, put_new};
use crate::domain::{Error, InstallationId, Millis, Namespace, Result, Seconds, Task, TaskId, UserId, Vcs};

/// How many seconds a task is kept after its creation. No task runs for longer than a day.
const RETENTION_SECONDS: i64 = 30 * 24 * 3600;

impl Store {
    /// The task, if it exists and has not expired.
    pub async fn find_task(&self, id: TaskId, now: Seconds) -> Result<Option<Task>> {
        let item = self.get(&self.tables.operations, s(keys::task(id)), s(keys::TASK)).await?;
        item.and_then(|item| unexpired(item, now)).map(|item| decode(id, &item)).transpose()
    }

    /// The writes that create a task: the task, and its entry in the list of unfinished ones.
    pub(super) fn new_task(&self, task: &Task) -> Result<[TransactWriteItem; 2]> {
        let table = &self.tables.operations;
        let open = Item::from([
            (keys::PK.into(), s(keys::OPEN_TASKS)),
            (keys::SK.into(), s(task.id.to_string())),
            ("entity".into(), s("open-task")),
            ("schema".into(), n(1)),
        ]);
        Ok([put_new(table, encode(task)?)?, put(table, open)?])
    }
}

pub(super) fn key(id: TaskId) -> Item {
    Item::from([(keys::PK.into(), s(keys::task(id))), (keys::SK.into(), s(keys::TASK))])
}

fn encode(task: &Task) -> Result<Item> {
    let mut item = key(task.id);
    item.extend([
        ("entity".into(), s("task")),
        ("schema".into(), n(1)),
        ("owners".into(), ss(&task.owners)),
        ("vcs".into(), s(task.namespace.vcs.as_str())),
        ("installation".into(), json(&task.namespace.installation)?),
        ("work".into(), json(&task.work)?),
        ("state".into(), json(&task.state)?),
        ("progress".into(), n(task.progress)),
        ("created_at".into(), n(task.created_at.0)),
        ("updated_at".into(), n(task.updated_at.0)),
        // The write that creates the task also wakes the worker.
        ("wake".into(), n(task.created_at.0)),
        ("turn".into(), n(0)),
        ("failures".into(), n(0)),
        (keys::TTL.into(), n(task.created_at.seconds().plus(RETENTION_SECONDS).0)),
    ]);
    Ok(item)
}

pub(super) fn decode(id: TaskId, item: &Item) -> Result<Task> {
    let malformed = || Error::corrupt_item("a task's item is malformed");
    let owners = item.find_texts("owners").ok_or_else(malformed)?;
    let owners: Option<BTreeSet<UserId>> = owners.iter().map(|owner| UserId::parse(owner)).collect();
    let vcs = Vcs::parse(item.text("vcs")?).ok_or_else(malformed)?;
    let installation: InstallationId = item.parsed("installation")?;
    Ok(Task {
        id,
        owners: owners.ok_or_else(malformed)?,
        namespace: Namespace { vcs, installation },
        work: item.parsed("work")?,
        state: item.parsed("state")?,
        progress: item.number("progress")?,
        error: item.find_text("error").map(str::to_owned),
        created_at: Millis(item.number("created_at")?),
        updated_at: Millis(item.number("updated_at")?),
    })
}
