//! API keys. Each has two items: the key itself, and an entry in its owner's listing.

use std::collections::{BTreeSet, HashMap};
use std::pin::pin;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use futures::TryStreamExt as _;

use super::audit::NewAuditEntry;
use super::client::{Store, identifier_taken};
use super::error::{Failure, condition_held};
use super::item::{self, Attributes, Item, b, json, n, s, ss};
use super::keys;
use super::query::Query;
use super::transaction::{delete, delete_existing, put, put_new, require};
use super::update::Update;
use super::users::administrator_key;
use crate::domain::{ApiKeyRecord, Code, Error, KeyId, KeyName, Lineage, Millis, Result, Seconds, UserId, Vcs};

/// A use updates `last_used_at` only if the stored value is at least this many seconds old.
const LAST_USED_SECONDS: i64 = 60;

/// How many descendants one call reads at most, and how many an answer lists at most.
const MAX_DESCENDANTS: usize = 1_000;
/// How many times a cascade reads the remaining descendants. Later rounds find keys that were created while an earlier
/// round deleted.
const CASCADE_ROUNDS: usize = 4;
/// How many writes the removal of one key takes.
const WRITES_PER_KEY: usize = 3;
/// How many keys one transaction deletes: DynamoDB accepts 100 writes in a transaction.
const KEYS_PER_TRANSACTION: usize = 100 / WRITES_PER_KEY;

impl Store {
    /// Writes a key, its entry in the listing and its audit entry in one transaction.
    ///
    /// # Errors
    /// [`Code::KeyRevoked`] if the key that it was created with no longer exists. [`Code::AdministratorRequired`] if
    /// the key opens the administrators' routes and its owner is no longer an administrator.
    pub async fn create_api_key(&self, key: &ApiKeyRecord, audit_entry: Option<&NewAuditEntry>) -> Result<()> {
        let (table, parent) = (&self.tables.identity, key.lineage.parent);
        let mut items = vec![put_new(table, encode(key)?)?, put(table, listing_row(key))?];
        items.extend(parent.map(|parent| require(table, row_key(parent), "attribute_exists(pk)")).transpose()?);
        let role = key.administration.then(|| require(table, administrator_key(key.user), "attribute_exists(pk)"));
        items.extend(role.transpose()?);
        items.extend(audit_entry.map(|audit_entry| self.audit_write(audit_entry)).transpose()?);
        match self.transact_with_retries(items, jitter_seed(key.id)).await {
            Err(Failure::Condition(_)) => Err(self.refusal(key).await?),
            other => Ok(other?),
        }
    }

    /// Explains why a creation was refused, by reading the rows that it depended on. Ids are random, so the failed
    /// condition is not that of the key's own row; if the administrator's row exists now, it did not exist at the time
    /// of the write.
    async fn refusal(&self, key: &ApiKeyRecord) -> Result<Error> {
        if key.administration && !self.is_administrator(key.user).await? {
            return Ok(Error::forbidden(Code::AdministratorRequired));
        }
        Ok(match key.lineage.parent {
            Some(_) => Error::Unauthenticated { code: Code::KeyRevoked },
            None if key.administration => Error::forbidden(Code::AdministratorRequired),
            None => identifier_taken(),
        })
    }

    /// Deletes a key with its entry in the listing and writes the audit entry, in one transaction.
    ///
    /// # Errors
    /// Not found if the key no longer exists.
    pub async fn delete_api_key(&self, key: &ApiKeyRecord, audit_entry: &NewAuditEntry) -> Result<()> {
        match self.transact_with_retries(self.removal(key, audit_entry)?, jitter_seed(key.id)).await {
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => Ok(other?),
        }
    }

    /// Deletes the descendants of a deleted key. Each deletion writes the audit entry that `audit_entry` makes for it.
    /// A call that was interrupted can be repeated, because the remaining keys still name the deleted key.
    ///
    /// # Errors
    /// Unavailable if descendants remain after all rounds (several thousand keys). Another call deletes the rest.
    pub async fn delete_descendants(
        &self,
        user: UserId,
        of: KeyId,
        audit_entry: impl Fn(&ApiKeyRecord) -> Result<NewAuditEntry>,
    ) -> Result<()> {
        for _ in 0..CASCADE_ROUNDS {
            let ids = self.list_descendants(user, of).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for chunk in ids.chunks(KEYS_PER_TRANSACTION) {
                let mut items = Vec::new();
                for key in self.get_api_keys(chunk).await?.values() {
                    items.extend(self.removal(key, &audit_entry(key)?)?);
                }
                if items.is_empty() {
                    continue;
                }
                // The condition fails if another request has deleted one of them. The next round reads which ones
                // remain.
                condition_held(self.transact_with_retries(items, jitter_seed(of)).await)?;
            }
        }
        Err(Error::unavailable("a key has more descendants than one request can delete"))
    }

    /// The keys of a user that descend from `of`: at most 1,000, in no particular order. Strongly consistent.
    pub async fn list_descendants(&self, user: UserId, of: KeyId) -> Result<Vec<KeyId>> {
        let values = [(":pk", s(keys::user(user))), (":prefix", s(keys::LISTED_KEYS))];
        let query = Query::new(&self.tables.identity, "pk = :pk AND begins_with(sk, :prefix)", values)
            .filter("contains(ancestors, :of)", [(":of", s(of.to_string()))])
            .projection(Some("#key"));
        let (mut found, mut pages) = (Vec::new(), pin!(query.pages(self)));
        while found.len() < MAX_DESCENDANTS
            && let Some(page) = pages.try_next().await?
        {
            found.extend(page.iter().map(key_of).collect::<Result<Vec<_>>>()?);
        }
        found.truncate(MAX_DESCENDANTS);
        Ok(found)
    }

    /// The writes that delete a key: its row, which must exist, its entry in the listing, and the audit entry.
    fn removal(&self, key: &ApiKeyRecord, audit_entry: &NewAuditEntry) -> Result<Vec<TransactWriteItem>> {
        let table = &self.tables.identity;
        Ok(vec![
            delete_existing(table, row_key(key.id))?,
            delete(table, listing_key(key))?,
            self.audit_write(audit_entry)?,
        ])
    }

    /// Strongly consistent, so that a deleted key is refused at once.
    pub async fn find_api_key(&self, id: KeyId) -> Result<Option<ApiKeyRecord>> {
        let item = self.get(&self.tables.identity, s(keys::api_key(id)), s(keys::API_KEY)).await?;
        item.map(|item| decode(id, &item)).transpose()
    }

    /// A page of a user's keys, ordered by name and id, and the cursor position after it. Costs one query and one batch
    /// read.
    pub async fn list_api_keys(
        &self,
        user: UserId,
        vcs: Vcs,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<ApiKeyRecord>, Option<String>)> {
        let prefix = keys::listed_keys(vcs);
        // A forged position could invert the range of the query or exceed the length limit of a sort key.
        if after.is_some_and(|after| !after.starts_with(&prefix) || after.len() > keys::MAX_POSITION_BYTES) {
            return Err(Error::invalid(Code::InvalidCursor));
        }
        // '$' is the character after '#', so it ends the range of everything that begins with the prefix.
        let end = format!("key#{vcs}$");
        let start = after.map_or_else(|| prefix.clone(), |after| format!("{after}\0"));
        let values = [(":pk", s(keys::user(user))), (":start", s(start)), (":end", s(end))];
        let query = Query::new(&self.tables.identity, "pk = :pk AND sk BETWEEN :start AND :end", values);
        let mut places = query.limit(limit + 1).page(self).await?.items;
        let more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| more).map(|item| item.text(keys::SK).map(str::to_owned)).transpose()?;
        let ids = places.iter().map(key_of).collect::<Result<Vec<_>>>()?;
        let mut rows = self.get_api_keys(&ids).await?;
        Ok((ids.iter().filter_map(|id| rows.remove(id)).collect(), next))
    }

    /// The rows of these keys, at most 100. Keys that do not exist are left out. Costs one batch read.
    pub async fn get_api_keys(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, ApiKeyRecord>> {
        let keys = ids.iter().map(|id| row_key(*id)).collect();
        let read = |item: &Item| decode_row(item).map(|key| (key.id, key));
        self.get_batch(&self.tables.identity, keys, None).await?.iter().map(read).collect()
    }

    /// Records an exchange, at most once a minute. A key that was deleted meanwhile stays deleted.
    pub async fn touch_api_key(&self, key: &ApiKeyRecord, now: Millis) -> Result<()> {
        let minute = now.seconds().0.div_euclid(LAST_USED_SECONDS) * LAST_USED_SECONDS;
        if key.last_used_at.is_some_and(|last| last.0 >= minute) {
            return Ok(());
        }
        let update = Update::new(&self.tables.identity, row_key(key.id), "SET last_used_at = :minute")
            .condition("attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :minute)")
            .values([(":minute", n(minute))]);
        update.applied(self).await.map(drop)
    }
}

pub(super) fn row_key(id: KeyId) -> Item {
    item::key(keys::api_key(id), keys::API_KEY)
}

pub(super) fn listing_key(key: &ApiKeyRecord) -> Item {
    item::key(keys::user(key.user), keys::listed_key(key.vcs, &key.name, key.id))
}

/// The key that a row or an entry of the listing is about.
pub(super) fn key_of(item: &Item) -> Result<KeyId> {
    item.uuid("key").map(KeyId::new)
}

pub(super) fn listing_row(key: &ApiKeyRecord) -> Item {
    let mut item = item::entity(listing_key(key), "api-key-place", [("key", b(key.id.bytes()))]);
    item.extend(ancestors(&key.lineage));
    item
}

/// Whether two entries of the listing are about the same key and name the same ancestors, in whatever order.
pub(super) fn same_entry(one: &Item, other: &Item) -> bool {
    let ancestors = |item: &Item| item.find_texts("ancestors").map(|ids| ids.iter().cloned().collect::<BTreeSet<_>>());
    one.find_bytes("key") == other.find_bytes("key") && ancestors(one) == ancestors(other)
}

/// DynamoDB does not accept an empty set, so a key without ancestors has no such attribute.
fn ancestors(lineage: &Lineage) -> Option<(String, AttributeValue)> {
    (!lineage.ancestors.is_empty()).then(|| ("ancestors".into(), ss(&lineage.ancestors)))
}

/// Differs from key to key.
fn jitter_seed(id: KeyId) -> u64 {
    id.bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn encode(key: &ApiKeyRecord) -> Result<Item> {
    let attributes = [
        ("key", b(key.id.bytes())),
        ("user", json(&key.user)?),
        ("vcs", json(&key.vcs)?),
        ("name", s(key.name.as_str())),
        ("capabilities", json(&key.capabilities)?),
        ("secret_hash", b(key.secret_hash)),
        ("created_at", n(key.created_at.0)),
    ];
    let mut item = item::entity(row_key(key.id), "api-key", attributes);
    item.extend(key.expires_at.map(|end| ("expires_at".into(), n(end.0))));
    item.extend(key.lineage.parent.map(|parent| ("created_by_key".into(), b(parent.bytes()))));
    item.extend(ancestors(&key.lineage));
    item.extend(key.administration.then(|| ("administration".into(), AttributeValue::Bool(true))));
    Ok(item)
}

pub(super) fn decode_row(item: &Item) -> Result<ApiKeyRecord> {
    decode(key_of(item)?, item)
}

fn decode(id: KeyId, item: &Item) -> Result<ApiKeyRecord> {
    let secret_hash =
        item.bytes("secret_hash")?.try_into().map_err(|_| Error::corrupt_item("a key's hash has the wrong length"))?;
    Ok(ApiKeyRecord {
        id,
        user: item.parsed("user")?,
        vcs: item.parsed("vcs")?,
        name: KeyName::new(item.text("name")?.to_owned())?,
        capabilities: item.parsed("capabilities")?,
        lineage: Lineage {
            parent: item
                .find_bytes("created_by_key")
                .map(|_| item.uuid("created_by_key").map(KeyId::new))
                .transpose()?,
            ancestors: item.find_texts("ancestors").into_iter().flatten().filter_map(|id| KeyId::parse(id)).collect(),
        },
        administration: item.find_flag("administration"),
        secret_hash,
        created_at: Millis(item.number("created_at")?),
        expires_at: item.find_number("expires_at").map(Seconds),
        last_used_at: item.find_number("last_used_at").map(Seconds),
    })
}
