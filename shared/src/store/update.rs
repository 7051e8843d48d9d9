//! An update of one item, which is sent alone or as part of a transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{
    self, AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};

use super::client::Store;
use super::error::{Failure, condition_held};
use super::expression::{names_in, some};
use super::item::Item;
use super::transaction::malformed;
use crate::domain::Result;

#[derive(Clone, Debug)]
#[must_use = "an update does nothing until it is sent"]
pub struct Update {
    table: String,
    key: Item,
    expression: String,
    condition: Option<String>,
    names: HashMap<String, String>,
    values: Item,
    returned: Option<ReturnValue>,
    returned_on_failure: Option<ReturnValuesOnConditionCheckFailure>,
}

impl Update {
    pub fn new(table: &str, key: Item, expression: impl Into<String>) -> Self {
        let (table, expression) = (table.to_owned(), expression.into());
        let (names, values) = (names_in(&expression).collect(), Item::new());
        Self { table, key, expression, condition: None, names, values, returned: None, returned_on_failure: None }
    }

    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        let condition = condition.into();
        self.names.extend(names_in(&condition));
        Self { condition: Some(condition), ..self }
    }

    /// Says what a `#name` in the expressions so far stands for, if it is not the attribute of that name.
    pub fn name(mut self, placeholder: impl Into<String>, attribute: impl Into<String>) -> Self {
        self.names.insert(placeholder.into(), attribute.into());
        self
    }

    pub fn values<N: Into<String>>(mut self, values: impl IntoIterator<Item = (N, AttributeValue)>) -> Self {
        self.values.extend(values.into_iter().map(|(name, value)| (name.into(), value)));
        self
    }

    /// Makes [`Self::send`] return these attributes.
    pub fn returning(self, returned: ReturnValue) -> Self {
        Self { returned: Some(returned), ..self }
    }

    /// Makes [`Failure::Condition`] carry the item.
    pub fn returning_on_failure(self) -> Self {
        Self { returned_on_failure: Some(ReturnValuesOnConditionCheckFailure::AllOld), ..self }
    }

    /// Sends it, and returns the attributes that [`Self::returning`] asked for. It is sent again if no answer comes.
    pub async fn send(self, store: &Store) -> Result<Item, Failure> {
        self.send_by(store.db.update_item()).await
    }

    /// As [`Self::send`], but sent only once.
    pub async fn send_once(self, store: &Store) -> Result<Item, Failure> {
        self.send_by(store.db_once.update_item()).await
    }

    async fn send_by(self, request: UpdateItemFluentBuilder) -> Result<Item, Failure> {
        let request = request.table_name(self.table).set_key(Some(self.key)).update_expression(self.expression);
        let request = request.set_condition_expression(self.condition).set_return_values(self.returned);
        let request = request.set_return_values_on_condition_check_failure(self.returned_on_failure);
        let request = request.set_expression_attribute_names(some(self.names));
        let request = request.set_expression_attribute_values(some(self.values));
        // The future of a call takes kilobytes, which every caller's future would contain.
        let answer = Box::pin(request.send()).await.map_err(Failure::of_update)?;
        Ok(answer.attributes.unwrap_or_default())
    }

    /// Sends it. `false` if its condition failed.
    pub async fn applied(self, store: &Store) -> Result<bool> {
        condition_held(self.send(store).await)
    }

    pub fn in_transaction(self) -> Result<TransactWriteItem> {
        let update = types::Update::builder().table_name(self.table).set_key(Some(self.key));
        let update = update.update_expression(self.expression).set_condition_expression(self.condition);
        let update = update.set_expression_attribute_names(some(self.names));
        let update = update.set_expression_attribute_values(some(self.values)).build().map_err(malformed)?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}
