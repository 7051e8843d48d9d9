//! Runs. Each is one item, whose state changes by conditional writes.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};

use super::super::client::{Store, identifier_taken};
use super::super::error::Failure;
use super::super::item::{Attributes, Item, json, n, s};
use super::super::keys;
use crate::domain::{
    Error, InstallationId, Millis, Namespace, RepositoryName, Result, Run, RunId, RunKind, RunRepository, RunState, Vcs,
};

impl Store {
    /// Stores a new run. Repeating this returns the stored run, whose state may have changed since.
    pub async fn create_run(&self, run: &Run) -> Result<Run> {
        let put = self.db.put_item().table_name(&self.tables.operations).set_item(Some(encode(run)?));
        let put = put.condition_expression("attribute_not_exists(pk)");
        let put = put.return_values_on_condition_check_failure(AllOld);
        match put.send().await.map_err(Failure::of_put) {
            Ok(_) => Ok(run.clone()),
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
        let update = self.db.update_item().table_name(&self.tables.operations).set_key(Some(key(id)));
        let update = update.update_expression(set).condition_expression(condition);
        let update = update.expression_attribute_names("#state", "state");
        let update =
            values.into_iter().fold(update, |update, (name, value)| update.expression_attribute_values(name, value));
        let update = update.return_values(ReturnValue::AllNew).return_values_on_condition_check_failure(AllOld);
        match update.send().await.map_err(Failure::of_update) {
            Ok(answer) => answer.attributes.as_ref().map(decode).transpose(),
            Err(Failure::Condition(item)) => item.filter(|item| !item.is_empty()).as_ref().map(decode).transpose(),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn key(id: RunId) -> Item {
    Item::from([(keys::PK.into(), s(keys::run(id))), (keys::SK.into(), s(keys::RUN))])
}

fn encode(run: &Run) -> Result<Item> {
    let mut item = key(run.id);
    item.extend([
        ("entity".into(), s("run")),
        ("schema".into(), n(1)),
        ("run".into(), json(&run.id)?),
        ("vcs".into(), s(run.namespace.vcs.as_str())),
        ("installation".into(), json(&run.namespace.installation)?),
        ("repository".into(), n(run.repository.id)),
        ("owner".into(), s(&run.repository.owner)),
        ("name".into(), s(run.repository.name.as_str())),
        ("kind".into(), json(&run.kind)?),
        ("run_type".into(), json(&run.run_type)?),
        ("state".into(), json(&run.state)?),
        ("created_at".into(), n(run.created_at.0)),
    ]);
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
