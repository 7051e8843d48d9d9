//! Merges what the partitions of one listing have, newest first.

use super::item::{Attributes, Item};
use crate::domain::Result;

/// What a partition had to say.
pub struct ShardPage {
    items: Vec<Item>,
    /// It was read from the top to here; to its end when there is none.
    read_to: Option<String>,
}

impl ShardPage {
    /// The items of a query in descending order, and the key where it was left. `name` is the attribute with an item's
    /// place.
    pub fn new(items: Option<Vec<Item>>, left_at: Option<Item>, name: &str) -> Result<Self> {
        let read_to = left_at.map(|key| key.text(name).map(str::to_owned)).transpose()?;
        Ok(Self { items: items.unwrap_or_default(), read_to })
    }
}

/// The newest `limit` of all, and the place to go on from; none when everything was read. There may be fewer, even none.
pub fn merge_shards(found: Vec<ShardPage>, name: &str, limit: usize) -> Result<(Vec<Item>, Option<String>)> {
    // Below the highest place where one of the partitions was left, another one's items would come too early.
    let horizon = found.iter().filter_map(|found| found.read_to.clone()).max();
    let mut items = Vec::new();
    for item in found.into_iter().flat_map(|found| found.items) {
        let place = item.text(name)?.to_owned();
        if horizon.as_ref().is_none_or(|horizon| place >= *horizon) {
            items.push((place, item));
        }
    }
    items.sort_by(|(one, _), (other, _)| other.cmp(one));
    let more = items.len() > limit;
    items.truncate(limit);
    let next = if more { items.last().map(|(place, _)| place.clone()) } else { horizon };
    Ok((items.into_iter().map(|(_, item)| item).collect(), next))
}
