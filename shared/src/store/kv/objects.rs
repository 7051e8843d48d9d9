//! The objects that items name, for backups and checks.

use super::item;
use crate::domain::Result;
use crate::domain::kv::BlobRef;
use crate::store::client::Store;
use crate::store::item::{Attributes, Item};
use crate::store::scan::ScanPosition;

impl Store {
    /// The objects of the records in a page of the table, and where the next page begins. Objects that only an intent names
    /// are left out: their write has not ended.
    pub async fn scan_objects(&self, after: Option<ScanPosition>) -> Result<(Vec<BlobRef>, Option<ScanPosition>)> {
        let (items, next) = self.scan_page(&self.tables.kv, Some(item::ENTITY), after).await?;
        Ok((items.iter().flat_map(item::blobs).collect(), next))
    }
}

/// The objects that an item names: those of a record, or that of an intent.
pub(in crate::store) fn named_objects(item: &Item) -> impl Iterator<Item = BlobRef> {
    let intent = item.find_text("blob").map(|name| BlobRef(name.into()));
    item::blobs(item).chain(intent)
}
