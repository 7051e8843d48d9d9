//! Runs. Each is one item, whose state changes by conditional writes.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::super::client::{Store, identifier_taken};
use super::super::error::Failure;
use super::super::item::{self, Attributes, Item, json, n, s};
use super::super::keys;
use super::super::update::Update;
use crate::domain::{
    Error, InstallationId, Millis, Namespace, RepositoryName, Result, Run, RunId, RunKind, RunRepository, RunState, Vcs,
};

impl Store {
    /// Stores a new run. Repeating this returns the stored run, whose state may have changed since.
    pub async fn create_run(&self, run: &Run) -> Result<Run> {
        match self.put_if(&self.tables.operations, encode(run)?, "attribute_not_exists(pk)").await {
            Ok(()) => Ok(run.clone()),
            // An earlier call, or an attempt of this one whose answer was lost, stored it.
            Err(Failure::Condition(Some(item))) => {
                let existing = decode(&item)?;
                let as_created = Run { state: run.state, completed_at: run.completed_at, ..existing.clone() };
                if as_created == *run { Ok(existing) } else { Err(identifier_taken()) }
            }
            Err(failure) => Err(failure.into()),
        }
    }

    pub async fn find_run(&self, id: RunId) -> Result<Option<Run>> {
        let item = self.get(&self.tables.operations, s(keys::run(id)), s(keys::RUN)).await?;
        item.as_ref().map(decode).transpose()
    }

    /// Changes the state of a run to `state` if its current state allows that, and returns the run as stored
    /// afterwards. If several callers end a run differently, one of them succeeds and all get the same result. `None`
    /// if there is no such run.
    pub async fn move_run(&self, id: RunId, state: RunState, now: Millis) -> Result<Option<Run>> {
        let from: Vec<_> = RunState::ALL.into_iter().filter(|from| from.may_become(state)).collect();
        if from.is_empty() {
            return self.find_run(id).await;
        }
        let mut values = vec![(":state".to_owned(), json(&state)?)];
        for (number, from) in from.iter().enumerate() {
            values.push((format!(":from{number}"), json(from)?));
        }
        let names: Vec<_> = values.iter().skip(1).map(|(name, _)| name.as_str()).collect();
        let condition = format!("#state IN ({})", names.join(", "));
        let mut set = "SET #state = :state".to_owned();
        if state.is_final() {
            set.push_str(", completed_at = :now");
            values.push((":now".to_owned(), n(now.0)));
        }
        let update = Update::new(&self.tables.operations, key(id), set).condition(condition).values(values);
        match update.returning(ReturnValue::AllNew).returning_on_failure().send(self).await {
            Ok(item) => decode(&item).map(Some),
            Err(Failure::Condition(item)) => item.filter(|item| !item.is_empty()).as_ref().map(decode).transpose(),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn key(id: RunId) -> Item {
    item::key(keys::run(id), keys::RUN)
}

fn encode(run: &Run) -> Result<Item> {
    let attributes = [
        ("run", json(&run.id)?),
        ("vcs", s(run.namespace.vcs.as_str())),
        ("installation", json(&run.namespace.installation)?),
        ("repository", n(run.repository.id)),
        ("owner", s(&run.repository.owner)),
        ("name", s(run.repository.name.as_str())),
        ("kind", json(&run.kind)?),
        ("run_type", json(&run.run_type)?),
        ("state", json(&run.state)?),
        ("created_at", n(run.created_at.0)),
    ];
    let mut item = item::entity(key(run.id), "run", attributes);
    item.extend(run.completed_at.map(|at| ("completed_at".into(), n(at.0))));
    if run.kind == RunKind::Drift {
        item.extend(index_attributes(run));
    }
    Ok(item)
}

/// The attributes that make DynamoDB copy the run into the index of drift runs.
fn index_attributes(run: &Run) -> [(String, AttributeValue); 2] {
    [
        (keys::DRIFTS.into(), s(keys::drifts(keys::drift_shard(run.id)))),
        (keys::DRIFT_SORT_KEY.into(), s(keys::drift_sort_key(run.created_at, run.id))),
    ]
}

pub(super) fn decode(item: &Item) -> Result<Run> {
    let vcs = Vcs::parse(item.text("vcs")?).ok_or(Error::corrupt_item("a run's item is malformed"))?;
    let installation: InstallationId = item.parsed("installation")?;
    Ok(Run {
        id: item.parsed("run")?,
        namespace: Namespace { vcs, installation },
        repository: RunRepository {
            id: item.number("repository")?,
            owner: item.text("owner")?.to_owned(),
            name: RepositoryName::new(item.text("name")?)?,
        },
        kind: item.parsed("kind")?,
        run_type: item.parsed("run_type")?,
        state: item.parsed("state")?,
        created_at: Millis(item.number("created_at")?),
        completed_at: item.find_number("completed_at").map(Millis),
    })
}
