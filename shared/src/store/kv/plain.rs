//! Direct writes: one conditional update that reads nothing first.
//!
//! The condition holds only where [`decide`](crate::domain::kv::decide) would give the same result. It fails in every
//! case that the update cannot judge (a list of write capabilities, a draft, an expired value), and the answer then
//! carries the current item for judging.

use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};

use super::item::{ENTITY, nil_write, slot, ttl, write_id};
use crate::domain::kv::{
    Address, CapsChange, Draft, DraftId, Expect, Guards, Outcome, Put, RecordState, Side, Version, Write, WriteKind,
};
use crate::domain::{Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, b, json, n, s};
use crate::store::keys::{self, PK, SK};

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
        let request = self.plain_request(namespace, address, write).map_err(fault)?;
        let answer = request.send().await.map_err(Failure::of_update)?;
        outcome(&answer, write).map_err(fault)
    }

    fn plain_request(
        &self,
        namespace: Namespace,
        address: &Address,
        write: &Write<'_>,
    ) -> Result<UpdateItemFluentBuilder> {
        let request = self.db_once.update_item().table_name(&self.tables.kv);
        let request = request.key(PK, s(keys::records(namespace))).key(SK, b(keys::record(address)));
        let request = request
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":entity", s(ENTITY))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":before", n(Version::first(write.now).0 - 1))
            .expression_attribute_values(":nil", nil_write())
            .expression_attribute_values(":id", write_id(write.id))
            .expression_attribute_values(":none", s("null"))
            .expression_attribute_values(":empty", s("[]"))
            .expression_attribute_values(":now", n(write.now.seconds().0))
            .expression_attribute_values(":made_at", n(write.id.made_at().0))
            .return_values(ReturnValue::UpdatedNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let request = match &write.kind {
            WriteKind::Put(put) if put.committed => put_live(request, put)?,
            WriteKind::Put(put) => put_draft(request, put, write)?,
            WriteKind::Delete => leave_tombstone(request, write.now),
        };
        Ok(expecting(request, write))
    }
}

fn expecting(request: UpdateItemFluentBuilder, write: &Write<'_>) -> UpdateItemFluentBuilder {
    let deletion = matches!(write.kind, WriteKind::Delete);
    let unobstructed = match &write.kind {
        // The item must outlast whichever side ends later.
        WriteKind::Put(put) if !put.committed => format!("{UNOBSTRUCTED} AND attribute_not_exists(live.expires_at)"),
        _ => UNOBSTRUCTED.to_owned(),
    };
    match write.expect {
        Expect::Anything if deletion => {
            request.condition_expression(format!("attribute_exists(live) AND {unobstructed}"))
        }
        Expect::Anything => request.condition_expression(unobstructed),
        Expect::Absent => request.condition_expression(format!("attribute_not_exists(live) AND {unobstructed}")),
        Expect::Version(version) => request
            .condition_expression(format!("attribute_exists(live) AND #version = :expected AND {unobstructed}"))
            .expression_attribute_values(":expected", n(version.0)),
    }
}

fn put_live(request: UpdateItemFluentBuilder, put: &Put) -> Result<UpdateItemFluentBuilder> {
    let side = Side { slot: put.slot.clone(), version: Version(0), guards: Guards::default() };
    let read = kept_or_set(&put.read_caps, "read_caps", "read_caps", ":read");
    let write = kept_or_set(&put.write_caps, "write_caps", "write_caps", ":write");
    let request = request
        .update_expression(format!(
            "SET {SET_ALWAYS}, live = :slot, live_version = if_not_exists(#version, :before) + :one, live_ttl = :ttl, \
             #ttl = :ttl, created_at = if_not_exists(created_at, :written), {read}, {write}"
        ))
        .expression_attribute_values(":slot", slot(&put.slot))
        .expression_attribute_values(":ttl", ttl(side.removable_at()))
        .expression_attribute_values(":written", n(put.slot.written_at.0));
    with_caps(request, put)
}

fn put_draft(request: UpdateItemFluentBuilder, put: &Put, write: &Write<'_>) -> Result<UpdateItemFluentBuilder> {
    let id = DraftId(write.id.0);
    let draft = Draft { id, side: Side { slot: put.slot.clone(), version: Version(0), guards: Guards::default() } };
    let read = kept_or_set(&put.read_caps, "draft_read_caps", "read_caps", ":read");
    let caps = kept_or_set(&put.write_caps, "draft_write_caps", "write_caps", ":write");
    let request = request
        .update_expression(format!(
            "SET {SET_ALWAYS}, draft = :slot, draft_id = :id, draft_version = if_not_exists(#version, :before) + :one, \
             draft_ttl = :draft_ttl, #ttl = if_not_exists(live_ttl, :alone), \
             created_at = if_not_exists(created_at, :written), {read}, {caps}"
        ))
        .expression_attribute_values(":slot", slot(&put.slot))
        .expression_attribute_values(":draft_ttl", ttl(draft.side.removable_at()))
        .expression_attribute_values(":alone", ttl(Some(draft.removable_at())))
        .expression_attribute_values(":written", n(put.slot.written_at.0));
    with_caps(request, put)
}

fn leave_tombstone(request: UpdateItemFluentBuilder, now: Millis) -> UpdateItemFluentBuilder {
    let end = now.seconds().plus(RecordState::TOMBSTONE_SECONDS);
    request
        .update_expression(format!(
            "SET {SET_ALWAYS}, #ttl = :ttl REMOVE live, live_version, live_ttl, read_caps, write_caps, created_at"
        ))
        .expression_attribute_values(":ttl", ttl(Some(end)))
}

/// A list that stays as it is is set to its current value, so that the answer returns it.
fn kept_or_set(change: &CapsChange, attribute: &str, existing: &str, value: &str) -> String {
    match change {
        CapsChange::Keep => format!("{attribute} = if_not_exists({existing}, :none)"),
        CapsChange::Replace(_) => format!("{attribute} = {value}"),
    }
}

fn with_caps(mut request: UpdateItemFluentBuilder, put: &Put) -> Result<UpdateItemFluentBuilder> {
    for (value, change) in [(":read", &put.read_caps), (":write", &put.write_caps)] {
        if let CapsChange::Replace(list) = change {
            request = request.expression_attribute_values(value, json(list)?);
        }
    }
    Ok(request)
}

fn outcome(answer: &UpdateItemOutput, write: &Write<'_>) -> Result<Outcome> {
    let item = answer.attributes().ok_or(Error::corrupt_item("an update answered without attributes"))?;
    let version = Version(item.number("version")?);
    let WriteKind::Put(put) = &write.kind else {
        return Ok(Outcome { version, created_at: write.now, guards: Guards::default() });
    };
    let [read, caps] =
        if put.committed { ["read_caps", "write_caps"] } else { ["draft_read_caps", "draft_write_caps"] };
    let guards = Guards { read: item.parsed(read)?, write: item.parsed(caps)? };
    Ok(Outcome { version, created_at: Millis(item.number("created_at")?), guards })
}
