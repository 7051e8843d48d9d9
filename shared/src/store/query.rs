//! A query of one partition of a table or index.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use futures::stream::{Stream, TryStreamExt as _, try_unfold};

use super::client::Store;
use super::error::Failure;
use super::expression::{names_in, some};
use super::item::Item;
use crate::domain::Result;

/// Strongly consistent unless it reads an index.
#[derive(Clone, Debug, Default)]
#[must_use = "a query does nothing until it is sent"]
pub struct Query {
    table: String,
    condition: String,
    values: Item,
    index: Option<&'static str>,
    filter: Option<String>,
    projection: Option<&'static str>,
    names: Vec<(&'static str, &'static str)>,
    descending: bool,
    limit: Option<usize>,
    start: Option<Item>,
}

/// What one call read: at most 1 MB.
pub struct Page {
    pub items: Vec<Item>,
    /// The key after which the next page begins. `None` if nothing follows.
    pub next: Option<Item>,
}

impl Query {
    /// `condition` chooses the items by their keys.
    pub fn new<const N: usize>(table: &str, condition: &str, values: [(&str, AttributeValue); N]) -> Self {
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        Self { table: table.to_owned(), condition: condition.to_owned(), values, ..Self::default() }
    }

    pub fn index(self, index: &'static str) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Leaves out the items that are read but do not match.
    pub fn filter<N: Into<String>>(
        mut self,
        filter: impl Into<String>,
        values: impl IntoIterator<Item = (N, AttributeValue)>,
    ) -> Self {
        self.values.extend(values.into_iter().map(|(name, value)| (name.into(), value)));
        Self { filter: Some(filter.into()), ..self }
    }

    /// Reads only these attributes; all of them if `None`.
    pub fn projection(self, projection: Option<&'static str>) -> Self {
        Self { projection, ..self }
    }

    /// Says what a `#name` in the expressions stands for, if it is not the attribute of that name.
    pub fn name(mut self, placeholder: &'static str, attribute: &'static str) -> Self {
        self.names.push((placeholder, attribute));
        self
    }

    /// Reads from the last sort key to the first.
    pub fn descending(self) -> Self {
        Self { descending: true, ..self }
    }

    /// How many items one call reads at most.
    pub fn limit(self, limit: usize) -> Self {
        Self { limit: Some(limit), ..self }
    }

    /// Sends one call.
    pub async fn page(self, store: &Store) -> Result<Page> {
        let expressions = [Some(self.condition.as_str()), self.filter.as_deref(), self.projection];
        let mut names: HashMap<_, _> = expressions.into_iter().flatten().flat_map(names_in).collect();
        names.extend(self.names.into_iter().map(|(name, attribute)| (name.to_owned(), attribute.to_owned())));
        let query = store.db.query().table_name(self.table).set_index_name(self.index.map(str::to_owned));
        let query = query.set_consistent_read(self.index.is_none().then_some(true));
        let query = query.set_scan_index_forward(self.descending.then_some(false));
        let query = query.key_condition_expression(self.condition).set_filter_expression(self.filter);
        let query = query.set_projection_expression(self.projection.map(str::to_owned));
        let query = query.set_expression_attribute_names(some(names));
        let query = query.set_expression_attribute_values(some(self.values));
        let query = query.set_limit(self.limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)));
        // The future of a call takes kilobytes, which every caller's future would contain.
        let answer = Box::pin(query.set_exclusive_start_key(self.start).send()).await.map_err(Failure::of)?;
        Ok(Page { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }

    /// The items of every page, one call after the other.
    pub fn pages(self, store: &Store) -> impl Stream<Item = Result<Vec<Item>>> + '_ {
        try_unfold(Some(self), async |query| {
            let Some(query) = query else { return Ok(None) };
            let Page { items, next } = query.clone().page(store).await?;
            Ok(Some((items, next.map(|start| Self { start: Some(start), ..query }))))
        })
    }

    /// Every item.
    pub async fn all(self, store: &Store) -> Result<Vec<Item>> {
        self.pages(store).try_concat().await
    }
}
