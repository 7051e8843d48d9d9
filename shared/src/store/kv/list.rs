//! Reads many records in the order of their sort keys.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::head::PublishedDrafts;
use super::item;
use super::projection::Projection;
use super::read::{Found, RESTARTS, ReadQuery, too_many_restarts};
use crate::domain::kv::{Address, Idx, Key};
use crate::domain::{Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::item::{Attributes, Item, b, s};
use crate::store::keys::{self, SK};
use crate::store::query::Query;

/// How many queries one page may cost. Each reads up to 1 MB.
const MAX_QUERIES: usize = 6;
/// The maximum size of the values of a page, in bytes of JSON text.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// How many values are read from object storage concurrently.
const MAX_CONCURRENT_READS: usize = 8;

/// The cursor position at which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// At the first record.
    Beginning,
    /// At this address.
    At(Key, Idx),
    /// After this record.
    After(Address),
    /// After every chunk of this key.
    AfterKey(Key),
}

#[derive(Clone, Debug)]
pub struct ListQuery<'a> {
    pub read: ReadQuery<'a>,
    pub start: Position,
    /// Only keys with this prefix are listed.
    pub prefix: Option<&'a str>,
    /// The maximum number of records.
    pub limit: usize,
    /// Whether the values are read.
    pub with_data: bool,
}

#[derive(Debug)]
pub struct Page {
    /// In the order of their sort keys.
    pub records: Vec<Found>,
    /// The last record of the page. `None` if no record follows.
    pub next: Option<Address>,
}

impl Store {
    /// A page of records. It ends at the limit, before its values exceed 4 MiB, or when its queries are used up.
    pub async fn list_records(&self, query: &ListQuery<'_>) -> Result<Page> {
        for _ in 0..RESTARTS {
            let published = self.published_drafts(query.read.namespace, query.read.now).await?;
            if let Some(page) = self.page_under(&published, query).await? {
                return Ok(page);
            }
        }
        Err(too_many_restarts())
    }

    async fn page_under(&self, published: &PublishedDrafts, query: &ListQuery<'_>) -> Result<Option<Page>> {
        let Some((mut from, end)) = bounds(query) else { return Ok(Some(Page { records: Vec::new(), next: None })) };
        let projection = if query.with_data { Projection::Whole } else { Projection::Outline };
        let (mut records, mut bytes, mut read_to) = (Vec::new(), 0_u64, None);
        for _ in 0..MAX_QUERIES {
            let limit = query.limit - records.len() + 1;
            let range = (from, end.clone());
            let (items, last) = self.query_between(query.read.namespace, range, limit, projection).await?;
            for item in &items {
                let address = address_of(item)?;
                match view_of(published, query.read, item)? {
                    ReaderView::NewerThanHead => return Ok(None),
                    ReaderView::Hidden => {}
                    ReaderView::Visible(found) => {
                        let size = if query.with_data { found.side.slot.size_bytes } else { 0 };
                        let full =
                            records.len() == query.limit || (bytes + size > MAX_PAGE_BYTES && !records.is_empty());
                        if full {
                            return self.with_values(records, read_to, query).await;
                        }
                        bytes += size;
                        records.push(*found);
                    }
                }
                read_to = Some(address);
            }
            let Some(last) = last else { return self.with_values(records, None, query).await };
            from = after(last);
        }
        self.with_values(records, read_to, query).await
    }

    /// Reads the values from object storage. `None` if one of them has been replaced since the records were read.
    async fn with_values(
        &self,
        records: Vec<Found>,
        next: Option<Address>,
        query: &ListQuery<'_>,
    ) -> Result<Option<Page>> {
        if !query.with_data {
            return Ok(Some(Page { records, next }));
        }
        let fetched = stream::iter(records).map(|mut found| async move {
            found.text = self.find_value(found.side.slot.payload.clone()).await?;
            Ok::<_, Error>(found)
        });
        let records: Vec<Found> = fetched.buffered(MAX_CONCURRENT_READS).try_collect().await?;
        let whole = records.iter().all(|found| found.text.is_some());
        Ok(whole.then_some(Page { records, next }))
    }

    /// The items between two sort keys, both included, and the last sort key that was read if more may follow.
    pub(super) async fn query_between(
        &self,
        namespace: Namespace,
        (from, to): (Vec<u8>, Vec<u8>),
        limit: usize,
        projection: Projection,
    ) -> Result<(Vec<Item>, Option<Vec<u8>>)> {
        let values = [(":pk", s(keys::records(namespace))), (":from", b(from)), (":to", b(to))];
        let query = Query::new(&self.tables.kv, "pk = :pk AND sk BETWEEN :from AND :to", values);
        let page = query.projection(projection.expression()).limit(limit).page(self).await?;
        let last = page.next.map(|key| key.bytes(SK).map(<[u8]>::to_vec)).transpose()?;
        Ok((page.items, last))
    }
}

pub(super) fn view_of(published: &PublishedDrafts, read: ReadQuery<'_>, item: &Item) -> Result<ReaderView> {
    let record = item::decode(item)?;
    if record.folded_seq > published.seq {
        return Ok(ReaderView::NewerThanHead);
    }
    let found = read.visible(address_of(item)?, published.settle(record));
    Ok(found.map_or(ReaderView::Hidden, |found| ReaderView::Visible(Box::new(found))))
}

pub(super) enum ReaderView {
    Visible(Box<Found>),
    Hidden,
    /// The record has been folded by a commit that is newer than the head.
    NewerThanHead,
}

pub(super) fn address_of(item: &Item) -> Result<Address> {
    keys::parse_record(item.bytes(SK)?).ok_or(Error::corrupt_item("a record's sort key is malformed"))
}

pub(super) fn after(mut sort_key: Vec<u8>) -> Vec<u8> {
    sort_key.push(0);
    sort_key
}

/// The lowest and the highest sort key of a listing. `None` if no record can match.
fn bounds(query: &ListQuery<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let from = match &query.start {
        Position::Beginning => vec![0],
        Position::At(key, idx) => keys::record(&Address { key: key.clone(), idx: *idx }),
        Position::After(address) => after(keys::record(address)),
        Position::AfterKey(key) => after(keys::record(&Address { key: key.clone(), idx: Idx::MAX })),
    };
    // UTF-8 text never contains the byte 255, so it ends the range of all keys with a prefix.
    let prefix = query.prefix.unwrap_or_default().as_bytes();
    let end = [prefix, &[255]].concat();
    let from = from.max(prefix.to_vec());
    (from <= end).then_some((from, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successor_of_a_sort_key_sorts_directly_after_it() {
        let address = |idx| Address { key: Key::new("k").unwrap(), idx: Idx::new(idx).unwrap() };
        let (first, second) = (keys::record(&address(0)), keys::record(&address(1)));
        assert!(first < after(first.clone()) && after(first) < second);
    }
}
