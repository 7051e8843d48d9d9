//! Batch reads by key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::client::Store;
use super::error::Failure;
use super::item::Item;
use crate::domain::{Error, Result};

impl Store {
    /// The items of one table that exist under these keys, in no particular order. At most 100 keys, without
    /// duplicates. Strongly consistent.
    pub(super) async fn get_batch(&self, table: &str, mut wanted: Vec<Item>) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        while !wanted.is_empty() {
            let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let keys = keys.map_err(|error| Error::internal("reading items", error))?;
            let answer = self.db.batch_get_item().request_items(table, keys).send().await.map_err(Failure::of)?;
            found.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
            let mut left = answer.unprocessed_keys.unwrap_or_default();
            wanted = left.remove(table).map(|keys| keys.keys).unwrap_or_default();
        }
        Ok(found)
    }
}
