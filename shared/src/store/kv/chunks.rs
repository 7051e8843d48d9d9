//! The chunks of one key. They are read in pages, because their number is unbounded.

use futures::stream::{Stream, StreamExt, TryStreamExt, try_unfold};

use super::list::{ReaderView, address_of, after, view_of};
use super::projection::Projection;
use super::read::{RESTARTS, ReadQuery, too_many_restarts};
use crate::domain::kv::{Address, Idx, Key};
use crate::domain::{Code, Error, Namespace, Result};
use crate::progress::advance;
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Item, b, s};
use crate::store::keys;

/// How many chunks of a key one request processes at most.
const MAX_CHUNKS: usize = 100_000;
/// The number of chunks in a page. It bounds the memory of a request.
const PAGE_CHUNKS: usize = 1_000;
/// A filter that leaves out tombstones.
const EXISTING: &str = "attribute_exists(live) OR attribute_exists(draft)";

/// Totals over the visible chunks of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChunkTotals {
    /// The number of chunks.
    pub count: usize,
    /// The highest index among them.
    pub max_idx: u32,
    /// The sum of their values' lengths, in bytes of JSON text.
    pub size_bytes: u64,
}

impl Store {
    /// The totals of the visible chunks of a key; all zero if there are none.
    ///
    /// # Errors
    /// [`Code::TooManyChunks`] above 100,000 chunks, with hidden ones and tombstones counted.
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
                    match view_of(&published, read, &item)? {
                        ReaderView::Visible(found) => {
                            totals.count += 1;
                            totals.max_idx = totals.max_idx.max(found.address.idx.get());
                            totals.size_bytes += found.side.slot.size_bytes;
                        }
                        ReaderView::Hidden => {}
                        ReaderView::NewerThanHead => continue 'again,
                    }
                }
            }
            return Ok(totals);
        }
        Err(too_many_restarts())
    }

    /// The addresses of the existing chunks of a key, including hidden ones.
    ///
    /// # Errors
    /// [`Code::TooManyChunks`] above 100,000 chunks, before the first address is returned.
    pub async fn chunk_addresses<'a>(
        &'a self,
        namespace: Namespace,
        key: &'a Key,
    ) -> Result<impl Stream<Item = Result<Address>> + 'a> {
        let (from, end) = bounds(key);
        let (first, last) = self.chunk_page(namespace, from, end.clone()).await?;
        // A page ends after 1,000 chunks or, with long capability lists, after one megabyte.
        if last.is_some() && self.count_existing(namespace, key).await? > MAX_CHUNKS {
            return Err(too_many());
        }
        let items = futures::stream::once(std::future::ready(Ok(first)));
        let items = items.chain(self.chunk_pages_from(namespace, last, end));
        let items = items.map_ok(|page| futures::stream::iter(page.into_iter().map(Ok))).try_flatten();
        let existing = |item: &Item| std::future::ready(item.contains_key("live") || item.contains_key("draft"));
        Ok(items.try_filter(existing).and_then(|item| std::future::ready(address_of(&item))))
    }

    /// The number of existing chunks of a key. Counting stops above the limit.
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

    /// The items of a key without their values, including tombstones.
    pub(super) fn chunk_pages<'a>(
        &'a self,
        namespace: Namespace,
        key: &Key,
    ) -> impl Stream<Item = Result<Vec<Item>>> + 'a {
        let (from, end) = bounds(key);
        self.chunk_pages_from(namespace, Some(from), end)
    }

    fn chunk_pages_from(
        &self,
        namespace: Namespace,
        from: Option<Vec<u8>>,
        end: Vec<u8>,
    ) -> impl Stream<Item = Result<Vec<Item>>> + '_ {
        try_unfold(from, move |from| {
            let end = end.clone();
            async move {
                let Some(from) = from else { return Ok(None) };
                self.chunk_page(namespace, from, end).await.map(Some)
            }
        })
    }

    /// One page of a key's items, and where the next one begins.
    async fn chunk_page(
        &self,
        namespace: Namespace,
        from: Vec<u8>,
        end: Vec<u8>,
    ) -> Result<(Vec<Item>, Option<Vec<u8>>)> {
        let (page, last) = self.query_between(namespace, (from, end), PAGE_CHUNKS, Projection::Outline).await?;
        advance(page.len());
        Ok((page, last.map(after)))
    }
}

/// The lowest and the highest sort key of a key's chunks.
fn bounds(key: &Key) -> (Vec<u8>, Vec<u8>) {
    let at = |idx| keys::record(&Address { key: key.clone(), idx });
    (at(Idx::default()), at(Idx::MAX))
}

fn too_many() -> Error {
    Error::invalid_because(Code::TooManyChunks, "the key has more than 100,000 chunks")
}
