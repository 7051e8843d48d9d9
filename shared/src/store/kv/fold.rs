//! Folds published drafts into their live sides, then takes the commit off the head.

use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use super::head::Entry;
use crate::domain::{Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK};

/// How many records are folded at once.
const FOLDS: usize = 16;

/// Moves the draft over the live side. The version stays: publishing is not a write.
const FOLD: &str = "SET live = draft, live_version = draft_version, live_ttl = draft_ttl, #ttl = draft_ttl, \
     read_caps = draft_read_caps, write_caps = draft_write_caps, seq = :seq \
     REMOVE draft, draft_id, draft_version, draft_ttl, draft_read_caps, draft_write_caps";

impl Store {
    /// Folds every commit that the head names, the oldest first. Killed anywhere, the next call goes on.
    ///
    /// Returns how many commits were taken off.
    pub async fn fold_commits(&self, namespace: Namespace) -> Result<usize> {
        let head = self.head(namespace).await?;
        let mut commits: Vec<(u64, Uuid)> = head.commits.into_iter().map(|(id, seq)| (seq, id)).collect();
        commits.sort_unstable();
        for (seq, commit) in &commits {
            // Another worker has folded it and is clearing its list away.
            let Some(entries) = self.commit_entries(namespace, *commit).await? else { continue };
            let folds = stream::iter(entries).map(|entry| self.fold(namespace, entry, *seq)).buffer_unordered(FOLDS);
            folds.try_collect::<()>().await?;
            self.take_off(namespace, *commit).await?;
            self.delete_parts(namespace, *commit).await?;
        }
        Ok(commits.len())
    }

    async fn fold(&self, namespace: Namespace, entry: Entry, seq: u64) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::records(namespace))).key(SK, b(keys::record(&entry.address)));
        let update = update.update_expression(FOLD).condition_expression("draft_id = :draft");
        let update = update.expression_attribute_names("#ttl", "ttl").expression_attribute_values(":seq", n(seq));
        let update = update.expression_attribute_values(":draft", b(entry.draft.0.into_bytes()));
        match update.send().await.map_err(Failure::of_update) {
            // Folded before, or written over since: there is nothing to do.
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    async fn take_off(&self, namespace: Namespace, commit: Uuid) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.kv);
        let update = update.key(PK, s(keys::head(namespace))).key(SK, b(ONLY)).update_expression("REMOVE commits.#id");
        let update = update
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#id", commit.simple().to_string());
        update.send().await.map_err(Failure::of)?;
        Ok(())
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
