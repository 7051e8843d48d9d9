//! Folds published drafts into their live sides, then takes the commit off the head.

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
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
use crate::store::item::{Attributes, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK};

/// How many records are folded at once.
const FOLDS: usize = 16;

/// Moves the draft over the live side and remembers the commit. The version stays: publishing is not a write.
const FOLD: &str = "SET live = draft, live_version = draft_version, live_ttl = draft_ttl, #ttl = draft_ttl, \
     read_caps = draft_read_caps, write_caps = draft_write_caps, seq = :seq, \
     c3 = if_not_exists(c2, :none), c2 = if_not_exists(c1, :none), c1 = if_not_exists(c0, :none), c0 = :stamp \
     REMOVE draft, draft_id, draft_version, draft_ttl, draft_read_caps, draft_write_caps";
/// The place of a commit that was never folded.
const NO_COMMIT: CommitStamp = CommitStamp { seq: 0, commit: Uuid::nil() };

impl Store {
    /// Folds every commit that the head names, the oldest first. Killed anywhere, the next call goes on.
    ///
    /// A list is removed only after its commit was folded and taken off. The head may name such a commit once more, when
    /// a publication whose answer was lost takes effect late or is repeated: it is taken off again.
    ///
    /// Returns how many commits were taken off.
    pub async fn fold_commits(&self, namespace: Namespace) -> Result<usize> {
        let commits = self.head(namespace).await?.in_order();
        for stamp in &commits {
            let entries = self.commit_entries(namespace, stamp.commit).await?.unwrap_or_default();
            let folds = stream::iter(entries).map(|entry| self.fold(namespace, entry, *stamp)).buffer_unordered(FOLDS);
            folds.try_collect::<()>().await?;
            self.take_off(namespace, stamp.commit).await?;
            self.delete_parts(namespace, stamp.commit).await?;
        }
        Ok(commits.len())
    }

    async fn fold(&self, namespace: Namespace, entry: Entry, stamp: CommitStamp) -> Result<()> {
        let update = self.db_once.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::records(namespace))).key(SK, b(keys::record(&entry.address)));
        let update = update.update_expression(FOLD).condition_expression("draft_id = :draft");
        let update = update.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":seq", n(stamp.seq));
        let update = update.expression_attribute_values(":stamp", item::commit_stamp(stamp));
        let update = update.expression_attribute_values(":none", item::commit_stamp(NO_COMMIT));
        let update = update.expression_attribute_values(":draft", b(entry.draft.0.into_bytes()));
        // A condition that fails: folded before, or written over since.
        repeat(update).await?;
        advance(1);
        Ok(())
    }

    async fn take_off(&self, namespace: Namespace, commit: Uuid) -> Result<()> {
        let update = self.db_once.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::head(namespace))).key(SK, b(ONLY)).update_expression("REMOVE commits.#id");
        let update = update
            .condition_expression("attribute_exists(commits.#id)")
            .expression_attribute_names("#id", commit.simple().to_string());
        // A condition that fails: another worker was faster.
        repeat(update).await
    }

    async fn delete_parts(&self, namespace: Namespace, commit: Uuid) -> Result<()> {
        let pk = keys::commit(namespace, commit);
        let query = self.db.query().table_name(&self.tables.kv).consistent_read(true).projection_expression("sk");
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", s(&pk));
        let mut parts = query.into_paginator().items().send();
        while let Some(part) = parts.next().await {
            let part = part.map_err(Failure::of)?;
            let delete = self.db.delete_item().table_name(&self.tables.kv).key(PK, s(&pk)).key(SK, b(part.bytes(SK)?));
            delete.send().await.map_err(Failure::of)?;
        }
        Ok(())
    }
}

/// Sends an update until it is not throttled and not in conflict with a transaction, which the SDK does not repeat. A lost
/// answer is repeated once. That the condition fails is fine.
async fn repeat(update: UpdateItemFluentBuilder) -> Result<()> {
    let mut attempt = Attempt::new();
    loop {
        match update.clone().send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => return Ok(()),
            Err(failure @ Failure::Ambiguous(_)) if attempt.uncertain => return Err(failure.into()),
            Err(failure) => attempt.note(failure)?,
        }
        attempt.pause().await?;
    }
}
