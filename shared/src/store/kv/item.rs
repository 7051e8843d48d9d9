//! The item of a record.
//!
//! Shape: `version`, `w0`…`w3` (the latest writes, newest first), `created_at`, `seq` (the sequence number of the last
//! commit folded in), `c0`…`c3` (the latest commits folded in, newest first: sequence number in 8 bytes, id), `fence`
//! (once raised), `ttl`; for
//! the live side `live` (map), `live_version`, `live_ttl`, `read_caps`, `write_caps`; for the draft `draft` (map),
//! `draft_id`, `draft_version`, `draft_ttl`, `draft_read_caps`, `draft_write_caps`. Lists of capabilities are JSON
//! text, `null` for none. Folding moves the draft's attributes over the live side's without reading either.

use std::collections::HashMap;

use uuid::Uuid;

use crate::domain::kv::{
    Address, BlobRef, CommitStamp, Draft, DraftId, Guards, Payload, RecordState, Side, Slot, Version, WriteId,
};
use crate::domain::{Millis, Namespace, Result, Seconds};
use crate::store::item::{Attributes, Item, b, json, n, s};
use crate::store::keys::{self, ONLY, PK, SK, TTL};
use aws_sdk_dynamodb::types::AttributeValue;

/// The `ttl` of a record that does not expire: 9999-12-31.
pub const NEVER_EXPIRES: i64 = 253_402_300_799;
/// The attributes of the remembered write ids, newest first.
pub const WRITE_ATTRIBUTES: [&str; RecordState::REMEMBERED_WRITES] = ["w0", "w1", "w2", "w3"];
/// The attributes of the folded commits, newest first.
pub const COMMIT_ATTRIBUTES: [&str; RecordState::REMEMBERED_COMMITS] = ["c0", "c1", "c2", "c3"];
/// The value of `entity`, by which the stream's event filters select records.
pub const ENTITY: &str = "kv-record";

pub fn key(namespace: Namespace, address: &Address) -> Item {
    Item::from([(PK.to_owned(), s(keys::records(namespace))), (SK.to_owned(), b(keys::record(address)))])
}

/// The key of an installation's commit head.
pub fn head_key(namespace: Namespace) -> Item {
    Item::from([(PK.to_owned(), s(keys::head(namespace))), (SK.to_owned(), b(ONLY))])
}

/// All attributes of a record except its keys.
pub fn encode(record: &RecordState) -> Result<Item> {
    let mut item = Item::from([
        ("entity".into(), s(ENTITY)),
        ("schema".into(), n(1)),
        ("version".into(), n(record.version.0)),
        (TTL.into(), ttl(record.removable_at)),
        ("seq".into(), n(record.folded_seq)),
    ]);
    item.extend(WRITE_ATTRIBUTES.iter().zip(&record.writes).map(|(name, write)| ((*name).into(), write_id(*write))));
    item.extend(
        COMMIT_ATTRIBUTES.iter().zip(&record.folds).map(|(name, stamp)| ((*name).into(), commit_stamp(*stamp))),
    );
    if record.fence > 0 {
        item.insert("fence".into(), n(record.fence));
    }
    if record.exists() {
        item.insert("created_at".into(), n(record.created_at.0));
    }
    if let Some(live) = &record.live {
        item.insert("live".into(), slot(&live.slot));
        item.insert("live_version".into(), n(live.version.0));
        item.insert("live_ttl".into(), ttl(live.removable_at()));
        item.insert("read_caps".into(), json(&live.guards.read)?);
        item.insert("write_caps".into(), json(&live.guards.write)?);
    }
    if let Some(draft) = &record.draft {
        item.insert("draft".into(), slot(&draft.side.slot));
        item.insert("draft_id".into(), b(draft.id.0.into_bytes()));
        item.insert("draft_version".into(), n(draft.side.version.0));
        item.insert("draft_ttl".into(), ttl(draft.side.removable_at()));
        item.insert("draft_read_caps".into(), json(&draft.side.guards.read)?);
        item.insert("draft_write_caps".into(), json(&draft.side.guards.write)?);
    }
    Ok(item)
}

pub fn decode(item: &Item) -> Result<RecordState> {
    let writes = WRITE_ATTRIBUTES.iter().filter_map(|name| item.uuid(name).ok()).filter(|id| !id.is_nil()).map(WriteId);
    Ok(RecordState {
        version: Version(item.number("version")?),
        writes: writes.collect(),
        created_at: Millis(item.find_number("created_at").unwrap_or_default()),
        live: item
            .find_map("live")
            .map(|map| decode_side(map, item, "live_version", ["read_caps", "write_caps"]))
            .transpose()?,
        draft: item.find_map("draft").map(|map| decode_draft(map, item)).transpose()?,
        folded_seq: item.find_number("seq").unwrap_or_default(),
        folds: folds(item),
        fence: item.find_number("fence").unwrap_or_default(),
        removable_at: item.find_number(TTL).filter(|end| *end < NEVER_EXPIRES).map(Seconds),
    })
}

/// The commits that were folded into the record, newest first.
pub fn folds(item: &Item) -> Vec<CommitStamp> {
    let stamps = COMMIT_ATTRIBUTES.iter().filter_map(|name| item.bytes(name).ok()).filter_map(|stamp| {
        let (seq, commit) = stamp.split_first_chunk::<8>()?;
        Some(CommitStamp { seq: u64::from_be_bytes(*seq), commit: Uuid::from_slice(commit).ok()? })
    });
    stamps.filter(|stamp| !stamp.commit.is_nil()).collect()
}

pub fn draft_id(item: &Item) -> Option<DraftId> {
    item.uuid("draft_id").ok().map(DraftId)
}

/// The objects that the item refers to.
pub fn blobs(item: &Item) -> impl Iterator<Item = BlobRef> + '_ {
    ["live", "draft"]
        .into_iter()
        .filter_map(|side| item.find_map(side)?.find_text("blob").map(|name| BlobRef(name.into())))
}

pub fn write_id(id: WriteId) -> AttributeValue {
    b(id.0.into_bytes())
}

pub fn commit_stamp(stamp: CommitStamp) -> AttributeValue {
    b([&stamp.seq.to_be_bytes()[..], stamp.commit.as_bytes()].concat())
}

pub fn nil_write() -> AttributeValue {
    b(Uuid::nil().into_bytes())
}

pub fn ttl(removable_at: Option<Seconds>) -> AttributeValue {
    n(removable_at.map_or(NEVER_EXPIRES, |end| end.0))
}

pub fn slot(slot: &Slot) -> AttributeValue {
    let mut map = HashMap::from([("size".into(), n(slot.size_bytes)), ("at".into(), n(slot.written_at.0))]);
    match &slot.payload {
        Payload::Inline(text) => _ = map.insert("data".into(), s(text)),
        Payload::Blob(name) => _ = map.insert("blob".into(), s(&name.0)),
        // A record that was read without its value is never written back.
        Payload::NotRead => {}
    }
    map.extend(slot.expires_at.map(|end| ("expires_at".into(), n(end.0))));
    AttributeValue::M(map)
}

fn decode_side(map: &Item, item: &Item, version: &str, caps: [&str; 2]) -> Result<Side> {
    let payload = match (map.find_text("data"), map.find_text("blob")) {
        (Some(text), _) => Payload::Inline(text.into()),
        (None, Some(name)) => Payload::Blob(BlobRef(name.into())),
        (None, None) => Payload::NotRead,
    };
    let slot = Slot {
        payload,
        size_bytes: map.number("size")?,
        written_at: Millis(map.number("at")?),
        expires_at: map.find_number("expires_at").map(Seconds),
    };
    let [read, write] = caps.map(|name| item.find_text(name).map_or(Ok(None), |_| item.parsed(name)));
    Ok(Side { slot, version: Version(item.number(version)?), guards: Guards { read: read?, write: write? } })
}

fn decode_draft(map: &Item, item: &Item) -> Result<Draft> {
    let side = decode_side(map, item, "draft_version", ["draft_read_caps", "draft_write_caps"])?;
    Ok(Draft { id: DraftId(item.uuid("draft_id")?), side })
}
