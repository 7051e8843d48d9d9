//! Drift runs of all installations, newest first, and the last unlock of each repository's drift.

use std::collections::{HashMap, HashSet};

use futures::future::try_join_all;

use super::super::client::Store;
use super::super::item::{self, Attributes, Item, n, s};
use super::super::keys;
use super::super::merge_shards::{ShardPage, merge_shards};
use super::super::query::Query;
use super::super::update::Update;
use super::runs;
use crate::domain::{Code, DriftRun, Error, Millis, Namespace, Result, Run};

/// The partition key and the sort key of an unlock.
type UnlockKey = (String, String);

impl Store {
    /// Records that a repository's drift was unlocked. The latest time stays, so repeating this changes nothing.
    pub async fn unlock_drift(&self, namespace: Namespace, repository: u64, now: Millis) -> Result<()> {
        let (key, set) = (
            item_key(unlock_key(namespace, repository)),
            "SET entity = :entity, #schema = :schema, unlocked_at = :now",
        );
        let update = Update::new(&self.tables.operations, key, set)
            .condition("attribute_not_exists(unlocked_at) OR unlocked_at < :now")
            .values([(":entity", s("drift-unlock")), (":schema", n(1)), (":now", n(now.0))]);
        update.applied(self).await.map(drop)
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
        let (table, shard) = (&self.tables.operations, (":shard", s(keys::drifts(shard))));
        let query = match after {
            Some(after) => Query::new(table, "#shard = :shard AND #sort_key < :after", [shard, (":after", s(after))])
                .name("#sort_key", keys::DRIFT_SORT_KEY),
            None => Query::new(table, "#shard = :shard", [shard]),
        };
        let query = query.index(keys::DRIFTS).name("#shard", keys::DRIFTS).descending().limit(each);
        ShardPage::new(query.page(self).await?, keys::DRIFT_SORT_KEY)
    }

    /// The time of each unlock. Repositories that were never unlocked are left out.
    async fn get_drift_unlocks(&self, wanted: HashSet<UnlockKey>) -> Result<HashMap<UnlockKey, Millis>> {
        let wanted = wanted.into_iter().map(item_key).collect();
        let read = |item: &Item| {
            let key = (item.text(keys::PK)?.to_owned(), item.text(keys::SK)?.to_owned());
            Ok((key, Millis(item.number("unlocked_at")?)))
        };
        self.get_batch(&self.tables.operations, wanted, None).await?.iter().map(read).collect()
    }
}

fn unlock_key(namespace: Namespace, repository: u64) -> UnlockKey {
    (keys::installation(namespace), keys::drift_unlock(repository))
}

fn item_key((pk, sk): UnlockKey) -> Item {
    item::key(pk, sk)
}
