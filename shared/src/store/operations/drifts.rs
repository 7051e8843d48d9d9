//! Drift runs of all installations, newest first, and the last unlock of each repository's drift.

use std::collections::{HashMap, HashSet};

use aws_sdk_dynamodb::types::KeysAndAttributes;
use futures::future::try_join_all;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, n, s};
use super::super::keys;
use super::super::merge_shards::{ShardPage, merge_shards};
use super::runs;
use crate::domain::{Code, DriftRun, Error, Millis, Namespace, Result, Run};

/// The partition key and the sort key of an unlock.
type UnlockKey = (String, String);

impl Store {
    /// Records that a repository's drift was unlocked. The latest time stays, so repeating this changes nothing.
    pub async fn unlock_drift(&self, namespace: Namespace, repository: u64, now: Millis) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.operations);
        let update = update.set_key(Some(item_key(unlock_key(namespace, repository))));
        let update = update.update_expression("SET entity = :entity, #schema = :schema, unlocked_at = :now");
        let update = update.condition_expression("attribute_not_exists(unlocked_at) OR unlocked_at < :now");
        let update = update.expression_attribute_names("#schema", "schema");
        let update = update.expression_attribute_values(":entity", s("drift-unlock"));
        let update = update.expression_attribute_values(":schema", n(1)).expression_attribute_values(":now", n(now.0));
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// A page of the drift runs of all installations, newest first, and the sort key after which the next page begins.
    /// `limit` is at most 100.
    ///
    /// `after` is the sort key that an earlier page returned. Runs are read from an index, where a change appears
    /// within about a second. Unlocks are strongly consistent.
    pub async fn list_drift_runs(&self, after: Option<&str>, limit: usize) -> Result<(Vec<DriftRun>, Option<String>)> {
        if after.is_some_and(|after| !keys::is_drift_sort_key(after)) {
            return Err(Error::invalid(Code::InvalidCursor));
        }
        let reads = (0..keys::DRIFT_SHARDS).map(|shard| self.read_drifts(shard, after, limit + 1));
        let (items, next) = merge_shards(try_join_all(reads).await?, keys::DRIFT_SORT_KEY, limit)?;
        let runs = items.iter().map(runs::decode).collect::<Result<Vec<_>>>()?;
        let unlock_of = |run: &Run| unlock_key(run.namespace, run.repository.id);
        let unlocks = self.get_drift_unlocks(runs.iter().map(unlock_of).collect()).await?;
        let with_unlock =
            |run: Run| DriftRun { unlocked: run.is_unlocked_by(unlocks.get(&unlock_of(&run)).copied()), run };
        Ok((runs.into_iter().map(with_unlock).collect(), next))
    }

    async fn read_drifts(&self, shard: u8, after: Option<&str>, each: usize) -> Result<ShardPage> {
        let query =
            self.db.query().table_name(&self.tables.operations).index_name(keys::DRIFTS).scan_index_forward(false);
        let query = query.expression_attribute_names("#shard", keys::DRIFTS);
        let query = query.expression_attribute_values(":shard", s(keys::drifts(shard)));
        let query = match after {
            Some(after) => query
                .key_condition_expression("#shard = :shard AND #sort_key < :after")
                .expression_attribute_names("#sort_key", keys::DRIFT_SORT_KEY)
                .expression_attribute_values(":after", s(after)),
            None => query.key_condition_expression("#shard = :shard"),
        };
        let answer = query.limit(i32::try_from(each).unwrap_or(i32::MAX)).send().await.map_err(Failure::of)?;
        ShardPage::new(answer.items, answer.last_evaluated_key, keys::DRIFT_SORT_KEY)
    }

    /// The time of each unlock. Repositories that were never unlocked are left out.
    async fn get_drift_unlocks(&self, wanted: HashSet<UnlockKey>) -> Result<HashMap<UnlockKey, Millis>> {
        let mut wanted: Vec<Item> = wanted.into_iter().map(item_key).collect();
        let mut unlocks = HashMap::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| Error::internal("reading unlocks", error))?;
            let answer = self.db.batch_get_item().request_items(&self.tables.operations, keys).send().await;
            let answer = answer.map_err(Failure::of)?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                let key = (item.text(keys::PK)?.to_owned(), item.text(keys::SK)?.to_owned());
                unlocks.insert(key, Millis(item.number("unlocked_at")?));
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(&self.tables.operations).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(unlocks)
    }
}

fn unlock_key(namespace: Namespace, repository: u64) -> UnlockKey {
    (keys::installation(namespace), keys::drift_unlock(repository))
}

fn item_key((pk, sk): UnlockKey) -> Item {
    Item::from([(keys::PK.into(), s(pk)), (keys::SK.into(), s(sk))])
}
