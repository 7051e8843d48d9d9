//! API keys: one row each, and beside it a place in the listing of its owner.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};

use super::client::{Store, already_there};
use super::error::Failure;
use super::item::{Attributes, Item, b, json, n, s};
use super::keys;
use super::transaction::{delete, delete_existing, put, put_new};
use crate::domain::{ApiKeyRecord, Code, Error, KeyId, KeyName, Millis, Result, Seconds, UserId, Vcs};

/// `last_used_at` is kept to this many seconds.
const LAST_USED_SECONDS: i64 = 60;

impl Store {
    /// Adds a key with its place in the listing: both or neither.
    pub async fn create_api_key(&self, key: &ApiKeyRecord) -> Result<()> {
        let table = &self.tables.identity;
        let items = vec![put_new(table, encode(key)?)?, put(table, place(key))?];
        match self.transact(items).await {
            Err(Failure::Condition(_)) => Err(already_there()),
            other => Ok(other?),
        }
    }

    /// Removes a key and its place. One that is gone already is not found.
    pub async fn delete_api_key(&self, key: &ApiKeyRecord) -> Result<()> {
        let table = &self.tables.identity;
        let items = vec![delete_existing(table, row_key(key.id))?, delete(table, place_key(key))?];
        match self.transact(items).await {
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => Ok(other?),
        }
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

    async fn get_api_keys(&self, ids: &[KeyId]) -> Result<HashMap<KeyId, ApiKeyRecord>> {
        let mut wanted: Vec<Item> = ids.iter().map(|id| row_key(*id)).collect();
        let mut rows = HashMap::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| Error::internal("reading keys", error))?;
            let answer = self
                .db
                .batch_get_item()
                .request_items(&self.tables.identity, keys)
                .send()
                .await
                .map_err(Failure::of)?;
            for item in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
                let id = KeyId::new(item.uuid("key")?);
                rows.insert(id, decode(id, &item)?);
            }
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(&self.tables.identity).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(rows)
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
    item
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
    item.extend(key.administration.then(|| ("administration".into(), AttributeValue::Bool(true))));
    Ok(item)
}

fn decode(id: KeyId, item: &Item) -> Result<ApiKeyRecord> {
    let secret_hash =
        item.bytes("secret_hash")?.try_into().map_err(|_| Error::corrupt("a key's hash has another length"))?;
    Ok(ApiKeyRecord {
        id,
        user: item.parsed("user")?,
        vcs: item.parsed("vcs")?,
        name: KeyName::new(item.text("name")?.to_owned())?,
        capabilities: item.parsed("capabilities")?,
        administration: item.find_flag("administration"),
        secret_hash,
        created_at: Millis(item.number("created_at")?),
        expires_at: item.find_number("expires_at").map(Seconds),
        last_used_at: item.find_number("last_used_at").map(Seconds),
    })
}
