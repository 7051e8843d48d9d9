//! Merges the pages that were read from the shards of one listing, newest first.

use super::item::{Attributes, Item};
use super::query::Page;
use crate::domain::Result;

/// What a query read from one shard.
pub struct ShardPage {
    items: Vec<Item>,
    /// The sort key at which the query stopped. `None` if it read the shard to its end.
    read_to: Option<String>,
}

impl ShardPage {
    /// A page in descending order. `name` is the attribute that holds the sort key.
    pub fn new(page: Page, name: &str) -> Result<Self> {
        let read_to = page.next.map(|key| key.text(name).map(str::to_owned)).transpose()?;
        Ok(Self { items: page.items, read_to })
    }
}

/// The newest `limit` items of all shards, and the sort key after which the next page begins; `None` if every shard was
/// read to its end. A page may have fewer items, even none, although more follow.
pub fn merge_shards(found: Vec<ShardPage>, name: &str, limit: usize) -> Result<(Vec<Item>, Option<String>)> {
    // Below the highest sort key at which a query stopped, items of that shard may be missing, so nothing below it is
    // shown yet.
    let horizon = found.iter().filter_map(|found| found.read_to.clone()).max();
    let mut items = Vec::new();
    for item in found.into_iter().flat_map(|found| found.items) {
        let sort_key = item.text(name)?.to_owned();
        if horizon.as_ref().is_none_or(|horizon| sort_key >= *horizon) {
            items.push((sort_key, item));
        }
    }
    items.sort_by(|(one, _), (other, _)| other.cmp(one));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|(sort_key, _)| sort_key.clone()) } else { horizon };
    Ok((items.into_iter().map(|(_, item)| item).collect(), next))
}
