//! Reads single records.

use super::item;
use crate::domain::kv::{Address, RecordState, Side, Visibility, view};
use crate::domain::{Capabilities, Code, Error, Millis, Namespace, Result};
use crate::store::client::Store;

/// How many times a read starts over before it fails. Each time, a commit was published and folded, or a large value
/// was replaced, between two of its reads.
pub(super) const RESTARTS: usize = 8;

#[derive(Clone, Copy, Debug)]
pub struct ReadQuery<'a> {
    pub namespace: Namespace,
    /// Whether drafts are visible.
    pub visibility: Visibility,
    /// The capabilities of the reader.
    pub held: &'a Capabilities,
    pub now: Millis,
}

/// A record as a reader sees it.
#[derive(Clone, Debug)]
pub struct Found {
    pub address: Address,
    /// The visible side. Its payload may still be in object storage.
    pub side: Side,
    /// Whether that side is published.
    pub committed: bool,
    /// The time of the record's first write.
    pub created_at: Millis,
    /// The value as JSON text, if it was asked for.
    pub text: Option<String>,
}

impl ReadQuery<'_> {
    /// The visible side of a record whose published draft is already folded.
    pub(super) fn visible(&self, address: Address, record: RecordState) -> Option<Found> {
        let record = record.at(self.now);
        let viewed = view(&record, self.visibility, self.held)?;
        let (side, committed) = (viewed.side.clone(), viewed.committed);
        Some(Found { address, side, committed, created_at: record.created_at, text: None })
    }
}

impl Store {
    /// The record with its value. A record with a draft costs two more reads: the head, and the record again.
    pub async fn find_record(&self, query: ReadQuery<'_>, address: &Address) -> Result<Option<Found>> {
        for _ in 0..RESTARTS {
            let Some(mut found) = self.peek_record(query, address).await? else { return Ok(None) };
            if let Some(text) = self.find_value(found.side.slot.payload.clone()).await? {
                found.text = Some(text);
                return Ok(Some(found));
            }
        }
        Err(too_many_restarts())
    }

    /// As [`Self::find_record`], without the value.
    pub async fn peek_record(&self, query: ReadQuery<'_>, address: &Address) -> Result<Option<Found>> {
        let record = self.settled_record(query, address).await?;
        Ok(record.and_then(|record| query.visible(address.clone(), record)))
    }

    /// The record with its draft folded if that is published.
    ///
    /// A record without a draft does not depend on the head. A record with a draft is read again after the head:
    /// between the first read and that of the head, the commit could have been folded and taken off, and the head would
    /// no longer show that the draft is published.
    async fn settled_record(&self, query: ReadQuery<'_>, address: &Address) -> Result<Option<RecordState>> {
        let namespace = query.namespace;
        let record = self.record(namespace, address).await?;
        if record.as_ref().is_none_or(|record| record.draft.is_none()) {
            return Ok(record);
        }
        let published = self.published_drafts(namespace, query.now).await?;
        Ok(self.record(namespace, address).await?.map(|record| published.settle(record)))
    }

    pub(super) async fn record(&self, namespace: Namespace, address: &Address) -> Result<Option<RecordState>> {
        let item = self.find_item(namespace, address).await?;
        item.as_ref().map(item::decode).transpose()
    }
}

/// The error of a read that had to start over too often.
pub(super) fn too_many_restarts() -> Error {
    Error::Unavailable { code: Code::Unavailable, source: None }
}
