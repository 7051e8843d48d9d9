//! Browser sessions. A session is one item, under the hash of its cookie's value.

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, json, n, s};
use super::keys;
use crate::domain::{Result, Seconds, Session, SessionId};

impl Store {
    /// Stores a new session. Its id is the hash of random bits, so repeating the write changes nothing.
    pub async fn put_session(&self, session: &Session) -> Result<()> {
        let put = self.db.put_item().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::session(session.id))).item(keys::SK, s(keys::SESSION));
        let put = put.item("entity", s("session")).item("schema", n(1)).item("user", json(&session.user)?);
        let put = put.item("created_at", n(session.created_at.0)).item("last_used_at", n(session.last_used_at.0));
        put.item(keys::TTL, n(session.ends_at().0)).send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// The session, if it exists and has not ended. Strongly consistent, so that a logout takes effect at once.
    pub async fn find_session(&self, id: SessionId, now: Seconds) -> Result<Option<Session>> {
        let item = self.get(&self.tables.identity, s(keys::session(id)), s(keys::SESSION)).await?;
        let session = item.map(|item| decode(id, &item)).transpose()?;
        Ok(session.filter(|session| !session.over(now)))
    }

    /// Records a use, which extends the session. A session that was deleted meanwhile stays deleted.
    pub async fn touch_session(&self, used: &Session) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::session(used.id))).key(keys::SK, s(keys::SESSION));
        let update = update.update_expression("SET last_used_at = :used, #ttl = :end");
        let update = update.condition_expression("attribute_exists(pk) AND last_used_at < :used");
        let update = update.expression_attribute_names("#ttl", keys::TTL);
        let update = update.expression_attribute_values(":used", n(used.last_used_at.0));
        let update = update.expression_attribute_values(":end", n(used.ends_at().0));
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Succeeds if the session is already gone.
    pub async fn delete_session(&self, id: SessionId) -> Result<()> {
        let delete = self.db.delete_item().table_name(&self.tables.identity);
        let delete = delete.key(keys::PK, s(keys::session(id))).key(keys::SK, s(keys::SESSION));
        delete.send().await.map_err(Failure::of)?;
        Ok(())
    }
}

fn decode(id: SessionId, item: &Item) -> Result<Session> {
    Ok(Session {
        id,
        user: item.parsed("user")?,
        created_at: Seconds(item.number("created_at")?),
        last_used_at: Seconds(item.number("last_used_at")?),
    })
}
