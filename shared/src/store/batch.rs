//! Batch reads by key.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;

use super::client::Store;
use super::error::Failure;
use super::expression::{names_in, some};
use super::item::Item;
use crate::domain::{Error, Result};
use crate::progress::advance;

/// How many items one call reads (a limit of DynamoDB).
pub const BATCH_KEYS: usize = 100;

impl Store {
    /// The items of one table that exist under these keys, in no particular order. The keys are without duplicates.
    /// `projection` names the attributes to read; all if absent. Strongly consistent. One call for each 100 keys.
    pub(super) async fn get_batch(
        &self,
        table: &str,
        keys: Vec<Item>,
        projection: Option<&'static str>,
    ) -> Result<Vec<Item>> {
        let mut found = Vec::new();
        for part in keys.chunks(BATCH_KEYS) {
            let mut wanted = part.to_vec();
            while !wanted.is_empty() {
                let asked = wanted.len();
                let request = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true);
                let request = request.set_projection_expression(projection.map(str::to_owned));
                let names = some(projection.into_iter().flat_map(names_in).collect());
                let request = request.set_expression_attribute_names(names).build();
                let request = request.map_err(|error| Error::internal("reading items", error))?;
                let answer = self.db.batch_get_item().request_items(table, request).send().await;
                let answer = answer.map_err(Failure::of)?;
                found.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
                let left = answer.unprocessed_keys.and_then(|mut left| left.remove(table));
                wanted = left.map(|left| left.keys).unwrap_or_default();
                advance(asked.saturating_sub(wanted.len()));
            }
        }
        Ok(found)
    }
}
