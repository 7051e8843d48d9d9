//! Reads many records in order.

use futures::stream::{self, StreamExt, TryStreamExt};

use super::head::PublishedDrafts;
use super::item;
use super::projection::Projection;
use super::read::{Found, RESTARTS, ReadQuery, unsettled};
use crate::domain::kv::{Address, Idx, Key};
use crate::domain::{Error, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, s};
use crate::store::keys::{self, SK};

/// How many queries one answer may cost. Each reads up to 1 MB.
const MAX_QUERIES: usize = 6;
/// A page's values, in bytes of JSON text.
const MAX_PAGE_BYTES: u64 = 4 * 1024 * 1024;
/// How many large values are fetched at once.
const FETCHES: usize = 8;

/// Where a listing starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the first record.
    Beginning,
    /// With this key.
    At(Key, Idx),
    /// After this record.
    After(Address),
    /// After every chunk of this key.
    AfterKey(Key),
}

/// What a listing asks for.
#[derive(Clone, Debug)]
pub struct ListQuery<'a> {
    /// Who reads.
    pub read: ReadQuery<'a>,
    /// From where.
    pub start: Position,
    /// Only keys that begin with this.
    pub prefix: Option<&'a str>,
    /// How many records at most.
    pub limit: usize,
    /// Whether values are wanted.
    pub with_data: bool,
}

/// A page, and after which record the next one begins.
#[derive(Debug)]
pub struct Page {
    /// In order.
    pub records: Vec<Found>,
    /// Nothing at the end.
    pub next: Option<Address>,
}

impl Store {
    /// A page of records. It ends at the limit, before 4 MiB of values, or at the reading bound.
    pub async fn list_records(&self, query: &ListQuery<'_>) -> Result<Page> {
        for _ in 0..RESTARTS {
            let published = self.published_drafts(query.read.namespace, query.read.now).await?;
            if let Some(page) = self.page_under(&published, query).await? {
                return Ok(page);
            }
        }
        Err(unsettled())
    }

    async fn page_under(&self, published: &PublishedDrafts, query: &ListQuery<'_>) -> Result<Option<Page>> {
        let Some((mut from, end)) = bounds(query) else { return Ok(Some(Page { records: Vec::new(), next: None })) };
        let projection = if query.with_data { Projection::Whole } else { Projection::Outline };
        let (mut records, mut bytes, mut read_to) = (Vec::new(), 0_u64, None);
        for _ in 0..MAX_QUERIES {
            let limit = query.limit - records.len() + 1;
            let range = (from, end.clone());
            let (items, last) = self.query_between(query.read.namespace, range, Some(limit), projection).await?;
            for item in &items {
                let address = address_of(item)?;
                match seen_under(published, query.read, item)? {
                    Seen::NewerThanHead => return Ok(None),
                    Seen::Hidden => {}
                    Seen::Visible(found) => {
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

    /// Fetches the values; nothing when one of them has been replaced meanwhile.
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
        let records: Vec<Found> = fetched.buffered(FETCHES).try_collect().await?;
        let whole = records.iter().all(|found| found.text.is_some());
        Ok(whole.then_some(Page { records, next }))
    }

    /// Items between two sort keys, and the last one read when there may be more.
    pub(super) async fn query_between(
        &self,
        namespace: Namespace,
        (from, to): (Vec<u8>, Vec<u8>),
        limit: Option<usize>,
        projection: Projection,
    ) -> Result<(Vec<Item>, Option<Vec<u8>>)> {
        let query = self.db.query().table_name(&self.tables.kv).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        let query = query.expression_attribute_values(":pk", s(keys::records(namespace)));
        let query = query.expression_attribute_values(":from", b(from)).expression_attribute_values(":to", b(to));
        let query = query.set_projection_expression(projection.expression());
        let query = query.set_expression_attribute_names(projection.names());
        let query = query.set_limit(limit.and_then(|limit| i32::try_from(limit).ok()));
        let answer = query.send().await.map_err(Failure::of)?;
        let last = answer.last_evaluated_key.map(|key| key.bytes(SK).map(<[u8]>::to_vec)).transpose()?;
        Ok((answer.items.unwrap_or_default(), last))
    }
}

pub(super) fn seen_under(published: &PublishedDrafts, read: ReadQuery<'_>, item: &Item) -> Result<Seen> {
    let record = item::decode(item)?;
    if record.folded_seq > published.seq {
        return Ok(Seen::NewerThanHead);
    }
    let found = read.see(address_of(item)?, published.settle(record));
    Ok(found.map_or(Seen::Hidden, |found| Seen::Visible(Box::new(found))))
}

pub(super) enum Seen {
    Visible(Box<Found>),
    Hidden,
    /// A commit newer than the head it is judged by has been folded into the record.
    NewerThanHead,
}

pub(super) fn address_of(item: &Item) -> Result<Address> {
    keys::parse_record(item.bytes(SK)?).ok_or(Error::corrupt_item("a record's sort key is malformed"))
}

pub(super) fn after(mut sort_key: Vec<u8>) -> Vec<u8> {
    sort_key.push(0);
    sort_key
}

/// The first and last sort key of a listing; nothing when it is empty from the start.
fn bounds(query: &ListQuery<'_>) -> Option<(Vec<u8>, Vec<u8>)> {
    let from = match &query.start {
        Position::Beginning => vec![0],
        Position::At(key, idx) => keys::record(&Address { key: key.clone(), idx: *idx }),
        Position::After(address) => after(keys::record(address)),
        Position::AfterKey(key) => after(keys::record(&Address { key: key.clone(), idx: Idx::MAX })),
    };
    // No UTF-8 text holds the byte 255, so it ends the range of everything that begins with a prefix.
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
