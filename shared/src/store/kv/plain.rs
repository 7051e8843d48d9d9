//! Direct writes: one conditional update that reads nothing first.
//!
//! The condition holds only where [`decide`](crate::domain::kv::decide) would give the same result. It fails in every
//! case that the update cannot judge (a list of write capabilities, a draft, an expired value), and the answer then
//! carries the current item for judging.

use aws_sdk_dynamodb::types::ReturnValue;

use super::item::{self, ENTITY, nil_write, slot, ttl, write_id};
use crate::domain::kv::{
    Address, CapsChange, Draft, DraftId, Expect, Guards, Outcome, Put, RecordState, Side, Version, Write, WriteKind,
};
use crate::domain::{Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, json, n, s};
use crate::store::update::Update;

/// Clauses of `SET` that every write shares: they raise the version and remember the write id.
const SET_ALWAYS: &str = "entity = :entity, #schema = :one, #version = if_not_exists(#version, :before) + :one, \
     w3 = if_not_exists(w2, :nil), w2 = if_not_exists(w1, :nil), w1 = if_not_exists(w0, :nil), w0 = :id";

/// The record has no draft, no list of write capabilities and no expired value, and no fence was raised after this
/// write was made.
const UNOBSTRUCTED: &str = "attribute_not_exists(draft) \
     AND (attribute_not_exists(write_caps) OR write_caps IN (:none, :empty)) \
     AND (attribute_not_exists(live.expires_at) OR live.expires_at > :now) \
     AND (attribute_not_exists(fence) OR fence < :made_at)";

impl Store {
    /// Sends the write as one update.
    pub(super) async fn write_plainly(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
    ) -> Result<Outcome, Failure> {
        let fault = |error: Error| Failure::Fault(Box::new(error));
        let update = self.plain_update(namespace, address, write).map_err(fault)?;
        let item = update.returning(ReturnValue::UpdatedNew).returning_on_failure().send_once(self).await?;
        outcome(&item, write).map_err(fault)
    }

    fn plain_update(&self, namespace: Namespace, address: &Address, write: &Write<'_>) -> Result<Update> {
        let new = |expression: String| Update::new(&self.tables.kv, item::key(namespace, address), expression);
        let update = match &write.kind {
            WriteKind::Put(put) if put.committed => put_live(new, put)?,
            WriteKind::Put(put) => put_draft(new, put, write)?,
            WriteKind::Delete => leave_tombstone(new, write.now),
        };
        let update = update.values([
            (":entity", s(ENTITY)),
            (":one", n(1)),
            (":before", n(Version::first(write.now).0 - 1)),
            (":nil", nil_write()),
            (":id", write_id(write.id)),
            (":none", s("null")),
            (":empty", s("[]")),
            (":now", n(write.now.seconds().0)),
            (":made_at", n(write.id.made_at().0)),
        ]);
        Ok(expecting(update, write))
    }
}

fn expecting(update: Update, write: &Write<'_>) -> Update {
    let deletion = matches!(write.kind, WriteKind::Delete);
    let unobstructed = match &write.kind {
        // The item must outlast whichever side ends later.
        WriteKind::Put(put) if !put.committed => format!("{UNOBSTRUCTED} AND attribute_not_exists(live.expires_at)"),
        _ => UNOBSTRUCTED.to_owned(),
    };
    match write.expect {
        Expect::Anything if deletion => update.condition(format!("attribute_exists(live) AND {unobstructed}")),
        Expect::Anything => update.condition(unobstructed),
        Expect::Absent => update.condition(format!("attribute_not_exists(live) AND {unobstructed}")),
        Expect::Version(version) => update
            .condition(format!("attribute_exists(live) AND #version = :expected AND {unobstructed}"))
            .values([(":expected", n(version.0))]),
    }
}

fn put_live(new: impl FnOnce(String) -> Update, put: &Put) -> Result<Update> {
    let side = Side { slot: put.slot.clone(), version: Version(0), guards: Guards::default() };
    let read = kept_or_set(&put.read_caps, "read_caps", "read_caps", ":read");
    let write = kept_or_set(&put.write_caps, "write_caps", "write_caps", ":write");
    let update = new(format!(
        "SET {SET_ALWAYS}, live = :slot, live_version = if_not_exists(#version, :before) + :one, live_ttl = :ttl, \
         #ttl = :ttl, created_at = if_not_exists(created_at, :written), {read}, {write}"
    ));
    with_caps(update.values([(":slot", slot(&put.slot)), (":ttl", ttl(side.removable_at()))]), put)
}

fn put_draft(new: impl FnOnce(String) -> Update, put: &Put, write: &Write<'_>) -> Result<Update> {
    let id = DraftId(write.id.0);
    let draft = Draft { id, side: Side { slot: put.slot.clone(), version: Version(0), guards: Guards::default() } };
    let read = kept_or_set(&put.read_caps, "draft_read_caps", "read_caps", ":read");
    let caps = kept_or_set(&put.write_caps, "draft_write_caps", "write_caps", ":write");
    let update = new(format!(
        "SET {SET_ALWAYS}, draft = :slot, draft_id = :id, draft_version = if_not_exists(#version, :before) + :one, \
         draft_ttl = :draft_ttl, #ttl = if_not_exists(live_ttl, :alone), \
         created_at = if_not_exists(created_at, :written), {read}, {caps}"
    ));
    let update = update.values([(":slot", slot(&put.slot)), (":draft_ttl", ttl(draft.side.removable_at()))]);
    with_caps(update.values([(":alone", ttl(Some(draft.removable_at())))]), put)
}

fn leave_tombstone(new: impl FnOnce(String) -> Update, now: Millis) -> Update {
    let end = now.seconds().plus(RecordState::TOMBSTONE_SECONDS);
    new(format!("SET {SET_ALWAYS}, #ttl = :ttl REMOVE live, live_version, live_ttl, read_caps, write_caps, created_at"))
        .values([(":ttl", ttl(Some(end)))])
}

/// A list that stays as it is is set to its current value, so that the answer returns it.
fn kept_or_set(change: &CapsChange, attribute: &str, existing: &str, value: &str) -> String {
    match change {
        CapsChange::Keep => format!("{attribute} = if_not_exists({existing}, :none)"),
        CapsChange::Replace(_) => format!("{attribute} = {value}"),
    }
}

fn with_caps(update: Update, put: &Put) -> Result<Update> {
    let mut update = update.values([(":written", n(put.slot.written_at.0))]);
    for (value, change) in [(":read", &put.read_caps), (":write", &put.write_caps)] {
        if let CapsChange::Replace(list) = change {
            update = update.values([(value, json(list)?)]);
        }
    }
    Ok(update)
}

fn outcome(item: &Item, write: &Write<'_>) -> Result<Outcome> {
    let version = Version(item.number("version")?);
    let WriteKind::Put(put) = &write.kind else {
        return Ok(Outcome { version, created_at: write.now, guards: Guards::default() });
    };
    let [read, caps] =
        if put.committed { ["read_caps", "write_caps"] } else { ["draft_read_caps", "draft_write_caps"] };
    let guards = Guards { read: item.parsed(read)?, write: item.parsed(caps)? };
    Ok(Outcome { version, created_at: Millis(item.number("created_at")?), guards })
}
