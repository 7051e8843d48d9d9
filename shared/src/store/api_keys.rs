//! API keys: one row each, and beside it a place in the listing of its owner.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::audit::NewAuditEntry;
use super::client::{Store, already_there};
use super::error::Failure;
use super::item::{Attributes, Item, b, json, n, s, ss};
use super::keys;
use super::transaction::{delete, delete_existing, put, put_new, require};
use super::users::administrator_key;
use crate::domain::{ApiKeyRecord, Code, Error, KeyId, KeyName, Lineage, Millis, Result, Seconds, UserId, Vcs};

/// `last_used_at` is kept to this many seconds.
const LAST_USED_SECONDS: i64 = 60;

/// The most descendants that are read at once, and that an answer lists.
const MOST_DESCENDANTS: usize = 1_000;
/// How often a cascade reads what is left. The second time finds what was created while the first deleted.
const CASCADE_ROUNDS: usize = 4;
/// Writes that remove one key.
const WRITES_OF_REMOVAL: usize = 3;
/// Keys that one transaction deletes: DynamoDB takes 100 writes.
const DELETED_AT_ONCE: usize = 100 / WRITES_OF_REMOVAL;

impl Store {
    /// Adds a key with its place in the listing and its audit entry: all or nothing.
    ///
    /// # Errors
    /// [`Code::KeyRevoked`] when the key that it came of does not exist any longer, and [`Code::AdministratorRequired`] when it
    /// is for the administrators' routes and its owner is no administrator any longer.
    pub async fn create_api_key(&self, key: &ApiKeyRecord, note: Option<&NewAuditEntry>) -> Result<()> {
        let (table, parent) = (&self.tables.identity, key.lineage.parent);
        let mut items = vec![put_new(table, encode(key)?)?, put(table, place(key))?];
        items.extend(parent.map(|parent| require(table, row_key(parent), "attribute_exists(pk)")).transpose()?);
        let role = key.administration.then(|| require(table, administrator_key(key.user), "attribute_exists(pk)"));
        items.extend(role.transpose()?);
        items.extend(note.map(|note| self.note(note)).transpose()?);
        match self.transact_patiently(items, salt(key.id)).await {
            Err(Failure::Condition(_)) => Err(self.refusal(key).await?),
            other => Ok(other?),
        }
    }

    /// Why a creation was refused. A role that is back by now was not there then; ids are random, so the condition that
    /// failed is not the key's own.
    async fn refusal(&self, key: &ApiKeyRecord) -> Result<Error> {
        if key.administration && !self.is_administrator(key.user).await? {
            return Ok(Error::forbidden(Code::AdministratorRequired));
        }
        Ok(match key.lineage.parent {
            Some(_) => Error::Unauthenticated { code: Code::KeyRevoked },
            None if key.administration => Error::forbidden(Code::AdministratorRequired),
            None => already_there(),
        })
    }

    /// Removes a key and its place, and adds the audit entry. One that is gone already is not found.
    pub async fn delete_api_key(&self, key: &ApiKeyRecord, note: &NewAuditEntry) -> Result<()> {
        match self.transact_patiently(self.removal(key, note)?, salt(key.id)).await {
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => Ok(other?),
        }
    }

    /// Removes the keys that came of a deleted one, each together with the audit entry that `note` makes. Killed half-way, it
    /// can be repeated: what is left still names the deleted key.
    ///
    /// # Errors
    /// Unavailable, when there are more than some thousands of them: what is left can be deleted by another call.
    pub async fn delete_descendants(
        &self,
        user: UserId,
        of: KeyId,
        note: impl Fn(&ApiKeyRecord) -> Result<NewAuditEntry>,
    ) -> Result<()> {
        for _ in 0..CASCADE_ROUNDS {
            let ids = self.list_descendants(user, of).await?;
            if ids.is_empty() {
                return Ok(());
            }
            for chunk in ids.chunks(DELETED_AT_ONCE) {
                let mut items = Vec::new();
                for key in self.get_api_keys(chunk).await?.values() {
                    items.extend(self.removal(key, &note(key)?)?);
                }
                if items.is_empty() {
                    continue;
                }
                match self.transact_patiently(items, salt(of)).await {
                    // Somebody else has deleted one of them: the next round sees which are left.
                    Ok(()) | Err(Failure::Condition(_)) => {}
                    Err(failure) => return Err(failure.into()),
                }
            }
        }
        Err(Error::unavailable("a key has more descendants than one request deletes"))
    }

    /// The keys of a user that came of `of`, at most 1,000, in no order; strongly consistent.
    pub async fn list_descendants(&self, user: UserId, of: KeyId) -> Result<Vec<KeyId>> {
        let (mut found, mut from) = (Vec::new(), None);
        loop {
            let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :prefix)");
            let query = query.filter_expression("contains(ancestors, :of)");
            let query = query.projection_expression("#key").expression_attribute_names("#key", "key");
            let query = query.expression_attribute_values(":pk", s(keys::user(user)));
            let query = query.expression_attribute_values(":prefix", s(keys::LISTED_KEYS));
            let query = query.expression_attribute_values(":of", s(of.to_string())).set_exclusive_start_key(from);
            let answer = query.send().await.map_err(Failure::of)?;
            for item in answer.items() {
                found.push(KeyId::new(item.uuid("key")?));
            }
            from = answer.last_evaluated_key;
            if from.is_none() || found.len() >= MOST_DESCENDANTS {
                found.truncate(MOST_DESCENDANTS);
                return Ok(found);
            }
        }
    }

    /// The writes that remove a key: its row, which must be there, and its place, with the audit entry.
    fn removal(&self, key: &ApiKeyRecord, note: &NewAuditEntry) -> Result<Vec<TransactWriteItem>> {
        let table = &self.tables.identity;
        Ok(vec![delete_existing(table, row_key(key.id))?, delete(table, place_key(key))?, self.note(note)?])
    }

    /// The key, if it exists; strongly consistent, so that a deleted key is refused at once.
    pub async fn find_api_key(&self, id: KeyId) -> Result<Option<ApiKeyRecord>> {
        let item = self.get(&self.tables.identity, s(keys::api_key(id)), s(keys::API_KEY)).await?;
        item.map(|item| decode(id, &item)).transpose()
    }

    /// A page of a user's keys by (name, id), and the position after it. One query, and one read of the rows.
    pub async fn list_api_keys(
        &self,
        user: UserId,
        vcs: Vcs,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<ApiKeyRecord>, Option<String>)> {
        let prefix = keys::listed_keys(vcs);
        // A position that somebody made up would turn the range round, or be too long for a key.
        if after.is_some_and(|after| !after.starts_with(&prefix) || after.len() > keys::MAX_POSITION_BYTES) {
            return Err(Error::invalid(Code::InvalidCursor));
        }
        // '$' is the character after '#', so it ends the range of everything that begins with the prefix.
        let end = format!("key#{vcs}$");
        let start = after.map_or_else(|| prefix.clone(), |after| format!("{after}\0"));
        let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :start AND :end");
        let query = query.expression_attribute_values(":pk", s(keys::user(user)));
        let query = query.expression_attribute_values(":start", s(start)).expression_attribute_values(":end", s(end));
        let places = query.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX)).send().await.map_err(Failure::of)?;
        let mut places = places.items.unwrap_or_default();
        let more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| more).map(|item| item.text(keys::SK).map(str::to_owned)).transpose()?;
        let ids = places.iter().map(|item| item.uuid("key").map(KeyId::new)).collect::<Result<Vec<_>>>()?;
        let mut rows = self.get_api_keys(&ids).await?;
        Ok((ids.iter().filter_map(|id| rows.remove(id)).collect(), next))
    }

    /// The rows of these keys, at most 100, as far as they exist; one read.
    pub async fn get_api_keys(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, ApiKeyRecord>> {
        let rows = self.get_batch(&self.tables.identity, ids.iter().map(|id| row_key(*id)).collect()).await?;
        let read = |item: &Item| {
            let id = KeyId::new(item.uuid("key")?);
            Ok((id, decode(id, item)?))
        };
        rows.iter().map(read).collect()
    }

    /// Notes an exchange, at most once a minute. A key deleted meanwhile stays deleted.
    pub async fn touch_api_key(&self, key: &ApiKeyRecord, now: Millis) -> Result<()> {
        let minute = now.seconds().0.div_euclid(LAST_USED_SECONDS) * LAST_USED_SECONDS;
        if key.last_used_at.is_some_and(|last| last.0 >= minute) {
            return Ok(());
        }
        let update = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(key.id)));
        let update =
            update.update_expression("SET last_used_at = :minute").expression_attribute_values(":minute", n(minute));
        let update = update.condition_expression(
            "attribute_exists(pk) AND (attribute_not_exists(last_used_at) OR last_used_at < :minute)",
        );
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }
}

fn row_key(id: KeyId) -> HashMap<String, AttributeValue> {
    HashMap::from([(keys::PK.into(), s(keys::api_key(id))), (keys::SK.into(), s(keys::API_KEY))])
}

fn place_key(key: &ApiKeyRecord) -> Item {
    let position = keys::listed_key(key.vcs, &key.name, key.id);
    HashMap::from([(keys::PK.into(), s(keys::user(key.user))), (keys::SK.into(), s(position))])
}

fn place(key: &ApiKeyRecord) -> Item {
    let mut item = place_key(key);
    item.extend([("entity".into(), s("api-key-place")), ("schema".into(), n(1)), ("key".into(), b(key.id.bytes()))]);
    item.extend(ancestors(&key.lineage));
    item
}

/// A set that DynamoDB wants to have at least one element.
fn ancestors(lineage: &Lineage) -> Option<(String, AttributeValue)> {
    (!lineage.ancestors.is_empty()).then(|| ("ancestors".into(), ss(&lineage.ancestors)))
}

/// Differs from key to key.
fn salt(id: KeyId) -> u64 {
    id.bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

fn encode(key: &ApiKeyRecord) -> Result<Item> {
    let mut item = row_key(key.id);
    item.extend([
        ("entity".into(), s("api-key")),
        ("schema".into(), n(1)),
        ("key".into(), b(key.id.bytes())),
        ("user".into(), json(&key.user)?),
        ("vcs".into(), json(&key.vcs)?),
        ("name".into(), s(key.name.as_str())),
        ("capabilities".into(), json(&key.capabilities)?),
        ("secret_hash".into(), b(key.secret_hash)),
        ("created_at".into(), n(key.created_at.0)),
    ]);
    item.extend(key.expires_at.map(|end| ("expires_at".into(), n(end.0))));
    item.extend(key.lineage.parent.map(|parent| ("created_by_key".into(), b(parent.bytes()))));
    item.extend(ancestors(&key.lineage));
    item.extend(key.administration.then(|| ("administration".into(), AttributeValue::Bool(true))));
    Ok(item)
}

fn decode(id: KeyId, item: &Item) -> Result<ApiKeyRecord> {
    let secret_hash =
        item.bytes("secret_hash")?.try_into().map_err(|_| Error::corrupt_item("a key's hash has another length"))?;
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
