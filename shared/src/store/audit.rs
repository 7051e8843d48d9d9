//! The audit trail: of one key, and of the whole deployment.

use aws_sdk_dynamodb::types::TransactWriteItem;
use futures::future::try_join_all;

use super::client::{Store, unexpired};
use super::item::{self, Attributes, Item, json, n, s};
use super::keys;
use super::merge_shards::{ShardPage, merge_shards};
use super::query::Query;
use super::transaction::put;
use crate::domain::{AuditEntry, AuditFilter, Code, Error, Millis, Result};

/// How long entries are kept, in seconds.
const RETENTION_SECONDS: i64 = 90 * 24 * 3600;
/// How many bytes of a client's `User-Agent` are kept. A client chooses its length, and every entry stays for 90 days.
const USER_AGENT_BYTES: usize = 256;
/// How many entries one page of a filtered listing reads at most. An entry is smaller than 1 KB.
const MAX_READ_ENTRIES: usize = 1_000;

/// An audit entry that is to be written. `nonce` is random and distinguishes entries of the same millisecond.
#[derive(Clone, Debug)]
pub struct NewAuditEntry {
    pub entry: AuditEntry,
    pub nonce: [u8; 8],
}

impl Store {
    pub async fn put_audit(&self, new: &NewAuditEntry) -> Result<()> {
        self.put(&self.tables.identity, encode(new)?).await
    }

    /// The write of an entry, to be part of the transaction that makes the change.
    pub(super) fn audit_write(&self, new: &NewAuditEntry) -> Result<TransactWriteItem> {
        put(&self.tables.identity, encode(new)?)
    }

    /// A page of the entries that match `filter`, newest first, and the sort key after which the next page begins. A
    /// filtered page reads a bounded number of entries, so it may have fewer than `limit`, or none, although more
    /// follow.
    ///
    /// `after` is the sort key that an earlier page returned. The trail of a key is strongly consistent; that of the
    /// deployment is read from an index, where an entry appears within about a second.
    pub async fn list_audit(
        &self,
        filter: &AuditFilter,
        after: Option<&str>,
        limit: usize,
        now: Millis,
    ) -> Result<(Vec<AuditEntry>, Option<String>)> {
        let Some((low, high)) = range(filter, after)? else { return Ok((Vec::new(), None)) };
        let partitions = match filter.key {
            Some(key) => vec![keys::audit_of_key(key)],
            None => (0..keys::TRAIL_SHARDS).map(keys::trail).collect(),
        };
        let chosen = filter.actor.is_some() || filter.action.is_some() || filter.outcome.is_some();
        let each = if chosen { MAX_READ_ENTRIES / partitions.len() } else { limit + 1 };
        let reads = partitions.into_iter().map(|partition| self.read_trail(filter, partition, (&low, &high), each));
        let (items, next) = merge_shards(try_join_all(reads).await?, keys::SK, limit)?;
        let kept = items.into_iter().filter_map(|item| unexpired(item, now.seconds()));
        Ok((kept.map(|item| decode(&item)).collect::<Result<_>>()?, next))
    }

    /// The newest entries of one partition with a sort key from `low` to `high`, both included. Reads at most `each`
    /// entries.
    async fn read_trail(
        &self,
        filter: &AuditFilter,
        partition: String,
        (low, high): (&str, &str),
        each: usize,
    ) -> Result<ShardPage> {
        let values = [(":partition", s(partition)), (":low", s(low)), (":high", s(high))];
        let condition = "#partition = :partition AND sk BETWEEN :low AND :high";
        let query = Query::new(&self.tables.identity, condition, values).descending().limit(each);
        let query = match filter.key {
            Some(_) => query.name("#partition", keys::PK),
            None => query.index(keys::TRAIL).name("#partition", keys::TRAIL),
        };
        let wanted = [
            ("actor", filter.actor.as_ref().map(json).transpose()?),
            ("action", filter.action.as_ref().map(json).transpose()?),
            ("outcome", filter.outcome.as_ref().map(json).transpose()?),
        ];
        let wanted: Vec<_> = wanted.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let conditions: Vec<_> = wanted.iter().map(|(name, _)| format!("#{name} = :{name}")).collect();
        let wanted = wanted.into_iter().map(|(name, value)| (format!(":{name}"), value));
        let query = if conditions.is_empty() { query } else { query.filter(conditions.join(" AND "), wanted) };
        ShardPage::new(query.page(self).await?, keys::SK)
    }
}

/// The lowest and the highest sort key that a page may show. `None` if no entry can lie between them.
fn range(filter: &AuditFilter, after: Option<&str>) -> Result<Option<(String, String)>> {
    let after = after.map(|after| keys::parse_audit_sort_key(after).ok_or(Error::invalid(Code::InvalidCursor)));
    let low = (filter.from.unwrap_or(Millis(0)), 0);
    let ends = [filter.to.map(|to| (to, 0)), after.transpose()?];
    let end = ends.into_iter().flatten().min();
    // `BETWEEN` includes both ends, so the upper end is the sort key just before the exclusive bound.
    let high = end.map_or((Millis(i64::MAX), u64::MAX), |(at, nonce)| match nonce.checked_sub(1) {
        Some(nonce) => (at, nonce),
        None => (Millis(at.0.saturating_sub(1)), u64::MAX),
    });
    let sort_key = |(at, nonce)| keys::audit_sort_key(at, nonce);
    Ok((low <= high && high.0 >= Millis(0)).then(|| (sort_key(low), sort_key(high))))
}

/// The beginning of the text: at most [`USER_AGENT_BYTES`], without splitting a character.
fn truncated(user_agent: &str) -> &str {
    user_agent.get(..user_agent.floor_char_boundary(USER_AGENT_BYTES)).unwrap_or_default()
}

fn encode(NewAuditEntry { entry, nonce }: &NewAuditEntry) -> Result<Item> {
    let nonce = u64::from_be_bytes(*nonce);
    let key = item::key(keys::audit(entry.key, entry.actor), keys::audit_sort_key(entry.at, nonce));
    let attributes = [
        (keys::TRAIL, s(keys::trail(nonce % keys::TRAIL_SHARDS))),
        (keys::TTL, n(entry.at.seconds().plus(RETENTION_SECONDS).0)),
        ("at", n(entry.at.0)),
        ("action", json(&entry.action)?),
        ("outcome", json(&entry.outcome)?),
        ("actor", json(&entry.actor)?),
        ("source_ip", json(&entry.source_ip)?),
        ("user_agent", json(&entry.user_agent.as_deref().map(truncated))?),
    ];
    let mut item = item::entity(key, "audit", attributes);
    // Attributes that most entries lack are written only if they have a value.
    let rare = [
        ("organization", entry.organization.as_ref().map(json).transpose()?),
        ("created_by_key", entry.created_by_key.as_ref().map(json).transpose()?),
        ("limited_to", entry.limited_to.as_ref().map(json).transpose()?),
        ("subject", entry.subject.as_ref().map(json).transpose()?),
        ("vcs", entry.vcs.as_ref().map(json).transpose()?),
        ("reason", entry.reason.map(|reason| s(reason.as_str()))),
    ];
    item.extend(rare.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
    Ok(item)
}

pub(super) fn decode(item: &Item) -> Result<AuditEntry> {
    Ok(AuditEntry {
        at: Millis(item.number("at")?),
        action: item.parsed("action")?,
        outcome: item.parsed("outcome")?,
        actor: item.parsed("actor")?,
        key: keys::parse_audit(item.text(keys::PK)?),
        organization: item.find_text("organization").map(|_| item.parsed("organization")).transpose()?,
        created_by_key: item.find_text("created_by_key").map(|_| item.parsed("created_by_key")).transpose()?,
        limited_to: item.find_text("limited_to").map(|_| item.parsed("limited_to")).transpose()?,
        subject: item.find_text("subject").map(|_| item.parsed("subject")).transpose()?,
        vcs: item.find_text("vcs").map(|_| item.parsed("vcs")).transpose()?,
        reason: item.find_text("reason").and_then(Code::parse),
        source_ip: item.parsed("source_ip")?,
        user_agent: item.parsed("user_agent")?,
    })
}
