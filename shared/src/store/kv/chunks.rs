//! The chunks of one key, read in pages: a key may have any number of them.

use futures::stream::{Stream, StreamExt, TryStreamExt, try_unfold};

use super::list::{Seen, address_of, after, seen_under};
use super::projection::Projection;
use super::read::{RESTARTS, ReadQuery, unsettled};
use crate::domain::kv::{Address, Idx, Key};
use crate::domain::{Code, Error, Namespace, Result};
use crate::progress::advance;
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, s};
use crate::store::keys;

/// How many chunks of a key one request works on.
const MAX_CHUNKS: usize = 100_000;
/// How many chunks a page has. Together with their projection this bounds the memory of a request.
const PAGE_CHUNKS: usize = 1_000;
/// Chunks with a value or a staged value: tombstones are left out.
const EXISTING: &str = "attribute_exists(live) OR attribute_exists(draft)";

/// What the visible chunks of a key come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkTotals {
    /// How many there are.
    pub count: usize,
    /// The highest index.
    pub max_idx: u32,
    /// Bytes of their values' text.
    pub size_bytes: u64,
}

impl Store {
    /// Sums up the visible chunks of a key; all zero when there is none.
    ///
    /// # Errors
    /// [`Code::TooManyChunks`] above 100,000, hidden ones and tombstones counted.
    pub async fn sum_chunks(&self, read: ReadQuery<'_>, key: &Key) -> Result<ChunkTotals> {
        'again: for _ in 0..RESTARTS {
            let published = self.published_drafts(read.namespace, read.now).await?;
            let (mut totals, mut chunks) = (ChunkTotals::default(), 0);
            let mut pages = std::pin::pin!(self.chunk_pages(read.namespace, key));
            while let Some(page) = pages.try_next().await? {
                chunks += page.len();
                if chunks > MAX_CHUNKS {
                    return Err(too_many());
                }
                for item in page {
                    match seen_under(&published, read, &item)? {
                        Seen::Visible(found) => {
                            totals.count += 1;
                            totals.max_idx = totals.max_idx.max(found.address.idx.get());
                            totals.size_bytes += found.side.slot.size_bytes;
                        }
                        Seen::Hidden => {}
                        Seen::NewerThanHead => continue 'again,
                    }
                }
            }
            return Ok(totals);
        }
        Err(unsettled())
    }

    /// Where the existing chunks of a key are, hidden ones included.
    ///
    /// # Errors
    /// [`Code::TooManyChunks`] above 100,000, before the first address.
    pub async fn chunk_addresses<'a>(
        &'a self,
        namespace: Namespace,
        key: &'a Key,
    ) -> Result<impl Stream<Item = Result<Address>> + 'a> {
        let mut pages = Box::pin(self.chunk_pages(namespace, key));
        let first = pages.try_next().await?.unwrap_or_default();
        if first.len() >= PAGE_CHUNKS && self.count_existing(namespace, key).await? > MAX_CHUNKS {
            return Err(too_many());
        }
        let items = futures::stream::once(std::future::ready(Ok(first))).chain(pages);
        let items = items.map_ok(|page| futures::stream::iter(page.into_iter().map(Ok))).try_flatten();
        let existing = |item: &Item| std::future::ready(item.contains_key("live") || item.contains_key("draft"));
        Ok(items.try_filter(existing).and_then(|item| std::future::ready(address_of(&item))))
    }

    /// How many chunks of a key exist; counting ends above the limit.
    async fn count_existing(&self, namespace: Namespace, key: &Key) -> Result<usize> {
        let (mut count, (from, end)) = (0, bounds(key));
        let query = self.db.query().table_name(&self.tables.kv).consistent_read(true).select("COUNT".into());
        let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to");
        let query = query.filter_expression(EXISTING).expression_attribute_values(":pk", s(keys::records(namespace)));
        let query = query.expression_attribute_values(":from", b(from)).expression_attribute_values(":to", b(end));
        let mut pages = query.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(Failure::of)?;
            advance(usize::try_from(page.scanned_count()).unwrap_or_default());
            count += usize::try_from(page.count()).unwrap_or_default();
            if count > MAX_CHUNKS {
                break;
            }
        }
        Ok(count)
    }

    /// The items of a key without their values, tombstones included.
    pub(super) fn chunk_pages<'a>(
        &'a self,
        namespace: Namespace,
        key: &Key,
    ) -> impl Stream<Item = Result<Vec<Item>>> + 'a {
        let (from, end) = bounds(key);
        try_unfold(Some(from), move |from| {
            let end = end.clone();
            async move {
                let Some(from) = from else { return Ok(None) };
                let limit = Some(PAGE_CHUNKS);
                let (page, last) = self.query_between(namespace, (from, end), limit, Projection::Outline).await?;
                advance(page.len());
                Ok(Some((page, last.map(after))))
            }
        })
    }
}

/// The first and last sort key of a key's chunks.
fn bounds(key: &Key) -> (Vec<u8>, Vec<u8>) {
    let at = |idx| keys::record(&Address { key: key.clone(), idx });
    (at(Idx::default()), at(Idx::MAX))
}

fn too_many() -> Error {
    Error::invalid_because(Code::TooManyChunks, "the key has more than 100,000 chunks")
}
