//! Reads one record.

use super::item;
use crate::domain::kv::{Address, RecordState, Side, Visibility, view};
use crate::domain::{Capabilities, Code, Error, Millis, Namespace, Result};
use crate::store::client::Store;

/// How often a reader starts over before it gives up. Each time, a commit was published and folded, or a large value
/// replaced, between two of its reads.
pub(super) const RESTARTS: usize = 8;

/// Who reads what, and when.
#[derive(Clone, Copy, Debug)]
pub struct ReadQuery<'a> {
    /// Whose records.
    pub namespace: Namespace,
    /// Whether staged values are wanted.
    pub visibility: Visibility,
    /// What the reader holds.
    pub held: &'a Capabilities,
    /// When.
    pub now: Millis,
}

/// A record as a reader sees it.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub address: Address,
    /// The side that is seen; its payload may still lie in object storage.
    pub side: Side,
    /// Whether that side is published.
    pub committed: bool,
    /// The record's first write.
    pub created_at: Millis,
    /// The value's text, when it was asked for.
    pub text: Option<String>,
}

impl ReadQuery<'_> {
    /// What is seen of a settled record, if anything.
    pub(super) fn see(&self, address: Address, record: RecordState) -> Option<Found> {
        let record = record.at(self.now);
        let seen = view(&record, self.visibility, self.held)?;
        let (side, committed) = (seen.side.clone(), seen.committed);
        Some(Found { address, side, committed, created_at: record.created_at, text: None })
    }
}

impl Store {
    /// The record with its value, as the reader may see it. A draft costs two more reads: the head, and the record again.
    pub async fn find_record(&self, query: ReadQuery<'_>, address: &Address) -> Result<Option<Found>> {
        for _ in 0..RESTARTS {
            let Some(mut found) = self.peek_record(query, address).await? else { return Ok(None) };
            if let Some(text) = self.find_value(found.side.slot.payload.clone()).await? {
                found.text = Some(text);
                return Ok(Some(found));
            }
        }
        Err(unsettled())
    }

    /// The record without its value.
    pub async fn peek_record(&self, query: ReadQuery<'_>, address: &Address) -> Result<Option<Found>> {
        let record = self.settled_record(query, address).await?;
        Ok(record.and_then(|record| query.see(address.clone(), record)))
    }

    /// The record, a published draft folded.
    ///
    /// A record without a draft is what readers see, whatever the head names. A record with a draft is read again after
    /// the head: the commit that published it may have been folded and taken off the head after the first read, and the
    /// head would then say nothing about the draft.
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

/// A reader kept being overtaken.
pub(super) fn unsettled() -> Error {
    Error::Unavailable { code: Code::Unavailable, source: None }
}
