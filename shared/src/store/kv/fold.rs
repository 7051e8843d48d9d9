//! Folds published drafts into the live sides of their records, then takes the commit off the head.

use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::attempt::Attempt;
use super::head::Entry;
use super::item;
use crate::domain::kv::CommitStamp;
use crate::domain::{Namespace, Result};
use crate::progress::advance;
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, PK, SK};
use crate::store::query::Query;
use crate::store::update::Update;

/// How many records are folded concurrently.
const MAX_CONCURRENT_FOLDS: usize = 16;

/// Replaces the live side by the draft and remembers the commit. The version stays the same, because publishing is not
/// a write.
const FOLD: &str = "SET live = draft, live_version = draft_version, live_ttl = draft_ttl, #ttl = draft_ttl, \
     read_caps = draft_read_caps, write_caps = draft_write_caps, seq = :seq, \
     c3 = if_not_exists(c2, :none), c2 = if_not_exists(c1, :none), c1 = if_not_exists(c0, :none), c0 = :stamp \
     REMOVE draft, draft_id, draft_version, draft_ttl, draft_read_caps, draft_write_caps";
/// Stands for an empty entry in a record's list of folded commits.
const NO_COMMIT: CommitStamp = CommitStamp { seq: 0, commit: Uuid::nil() };

impl Store {
    /// Folds every commit that the head names, the oldest first, and returns how many were taken off. A call that was
    /// interrupted is continued by the next one.
    ///
    /// A commit list is deleted only after its commit was folded and taken off. A publication whose answer was lost can
    /// put such a commit on the head again, if it takes effect late or is repeated; it is then taken off again.
    pub async fn fold_commits(&self, namespace: Namespace) -> Result<usize> {
        let commits = self.head(namespace).await?.in_order();
        for stamp in &commits {
            let entries = self.commit_entries(namespace, stamp.commit).await?.unwrap_or_default();
            let folds = stream::iter(entries)
                .map(|entry| self.fold(namespace, entry, *stamp))
                .buffer_unordered(MAX_CONCURRENT_FOLDS);
            folds.try_collect::<()>().await?;
            self.take_off(namespace, stamp.commit).await?;
            self.delete_parts(namespace, stamp.commit).await?;
        }
        Ok(commits.len())
    }

    async fn fold(&self, namespace: Namespace, entry: Entry, stamp: CommitStamp) -> Result<()> {
        let update = Update::new(&self.tables.kv, item::key(namespace, &entry.address), FOLD)
            // It fails if the draft was folded before or has been overwritten since.
            .condition("draft_id = :draft")
            .values([(":draft", b(entry.draft.0.into_bytes())), (":seq", n(stamp.seq))])
            .values([(":stamp", item::commit_stamp(stamp)), (":none", item::commit_stamp(NO_COMMIT))]);
        self.repeat(update).await?;
        advance(1);
        Ok(())
    }

    async fn take_off(&self, namespace: Namespace, commit: Uuid) -> Result<()> {
        let update = Update::new(&self.tables.kv, item::head_key(namespace), "REMOVE commits.#id")
            // It fails if another worker has taken the commit off.
            .condition("attribute_exists(commits.#id)")
            .name("#id", commit.simple().to_string());
        self.repeat(update).await
    }

    async fn delete_parts(&self, namespace: Namespace, commit: Uuid) -> Result<()> {
        let pk = keys::commit(namespace, commit);
        let parts = Query::new(&self.tables.kv, "pk = :pk", [(":pk", s(&pk))]).projection(Some("sk")).all(self).await?;
        for part in parts {
            let key = Item::from([(PK.to_owned(), s(&pk)), (SK.to_owned(), b(part.bytes(SK)?))]);
            self.delete(&self.tables.kv, key).await?;
        }
        Ok(())
    }

    /// Repeats an update while it is throttled or in conflict with a transaction; the SDK does not retry such
    /// conflicts. A lost answer is repeated once. A failed condition counts as success.
    async fn repeat(&self, update: Update) -> Result<()> {
        let mut attempt = Attempt::new();
        loop {
            match update.clone().send_once(self).await {
                Ok(_) | Err(Failure::Condition(_)) => return Ok(()),
                Err(failure @ Failure::Ambiguous(_)) if attempt.uncertain => return Err(failure.into()),
                Err(failure) => attempt.record_failure(failure)?,
            }
            attempt.back_off().await?;
        }
    }
}
