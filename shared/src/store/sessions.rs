//! Browser sessions. A session is one item, under the hash of its cookie's value.

use super::client::Store;
use super::item::{self, Attributes, Item, json, n, s};
use super::keys;
use super::update::Update;
use crate::domain::{Result, Seconds, Session, SessionId};

impl Store {
    /// Stores a new session. Its id is the hash of random bits, so repeating the write changes nothing.
    pub async fn put_session(&self, session: &Session) -> Result<()> {
        let attributes = [
            ("user", json(&session.user)?),
            ("created_at", n(session.created_at.0)),
            ("last_used_at", n(session.last_used_at.0)),
            (keys::TTL, n(session.ends_at().0)),
        ];
        self.put(&self.tables.identity, item::entity(key(session.id), "session", attributes)).await
    }

    /// The session, if it exists and has not ended. Strongly consistent, so that a logout takes effect at once.
    pub async fn find_session(&self, id: SessionId, now: Seconds) -> Result<Option<Session>> {
        let item = self.get(&self.tables.identity, s(keys::session(id)), s(keys::SESSION)).await?;
        let session = item.map(|item| decode(id, &item)).transpose()?;
        Ok(session.filter(|session| !session.over(now)))
    }

    /// Records a use, which extends the session. A session that was deleted meanwhile stays deleted.
    pub async fn touch_session(&self, used: &Session) -> Result<()> {
        let update = Update::new(&self.tables.identity, key(used.id), "SET last_used_at = :used, #ttl = :end")
            .condition("attribute_exists(pk) AND last_used_at < :used")
            .values([(":used", n(used.last_used_at.0)), (":end", n(used.ends_at().0))]);
        update.applied(self).await.map(drop)
    }

    /// Succeeds if the session is already gone.
    pub async fn delete_session(&self, id: SessionId) -> Result<()> {
        self.delete(&self.tables.identity, key(id)).await
    }
}

fn key(id: SessionId) -> Item {
    item::key(keys::session(id), keys::SESSION)
}

pub(super) fn decode(id: SessionId, item: &Item) -> Result<Session> {
    Ok(Session {
        id,
        user: item.parsed("user")?,
        created_at: Seconds(item.number("created_at")?),
        last_used_at: Seconds(item.number("last_used_at")?),
    })
}
