//! The audit trail of keys.

use super::client::{Store, unexpired};
use super::error::Failure;
use super::item::{Attributes, Item, json, n, s};
use super::keys;
use crate::domain::{AuditEntry, Code, Error, KeyId, Millis, Result, UserId};

/// How long entries are kept, in seconds.
const KEPT_SECONDS: i64 = 90 * 24 * 3600;

impl Store {
    /// Adds an entry. `nonce` keeps two of one millisecond apart.
    pub async fn put_audit(&self, entry: &AuditEntry, nonce: [u8; 8]) -> Result<()> {
        let position = format!("{:015}#{:016x}", entry.at.0, u64::from_be_bytes(nonce));
        let put = self.db.put_item().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::audit_of_key(entry.key))).item(keys::SK, s(position));
        let put = put.item("entity", s("audit")).item("schema", n(1)).item("at", n(entry.at.0));
        let put = put.item("action", json(&entry.action)?).item("outcome", json(&entry.outcome)?);
        let put = put.item("actor", json(&entry.actor)?).item("source_ip", json(&entry.source_ip)?);
        let put = put.item("user_agent", json(&entry.user_agent)?);
        let put = put.item(keys::TTL, n(entry.at.seconds().plus(KEPT_SECONDS).0));
        put.send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// A page of a key's trail, newest first, and where the next one starts.
    ///
    /// `after` is the position that an earlier page gave.
    pub async fn list_audit_of_key(
        &self,
        key: KeyId,
        after: Option<&str>,
        limit: usize,
        now: Millis,
    ) -> Result<(Vec<AuditEntry>, Option<String>)> {
        // A position that somebody made up may be no key at all.
        if after.is_some_and(|after| after.is_empty() || after.len() > keys::MAX_POSITION_BYTES) {
            return Err(Error::invalid(Code::InvalidCursor));
        }
        let query = self.db.query().table_name(&self.tables.identity).consistent_read(true).scan_index_forward(false);
        let query = query.expression_attribute_values(":pk", s(keys::audit_of_key(key)));
        let query = match after {
            Some(after) => query
                .key_condition_expression("pk = :pk AND sk < :after")
                .expression_attribute_values(":after", s(after)),
            None => query.key_condition_expression("pk = :pk"),
        };
        let query = query.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX));
        let mut items = query.send().await.map_err(Failure::of)?.items.unwrap_or_default();
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|item| item.text(keys::SK).map(str::to_owned)).transpose()?;
        let kept = items.into_iter().filter_map(|item| unexpired(item, now.seconds()));
        Ok((kept.map(|item| decode(key, &item)).collect::<Result<_>>()?, next))
    }
}

fn decode(key: KeyId, item: &Item) -> Result<AuditEntry> {
    Ok(AuditEntry {
        at: Millis(item.number("at")?),
        action: item.parsed("action")?,
        outcome: item.parsed("outcome")?,
        actor: item.parsed::<UserId>("actor")?,
        key,
        source_ip: item.parsed("source_ip")?,
        user_agent: item.parsed("user_agent")?,
    })
}
