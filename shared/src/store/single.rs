//! Writes of whole items.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;

use super::client::Store;
use super::error::{Failure, condition_held};
use super::expression::Condition;
use super::item::Item;
use crate::domain::Result;

impl Store {
    /// Writes an item, replacing an existing one.
    pub(super) async fn put(&self, table: &str, item: Item) -> Result<()> {
        let put = self.db.put_item().table_name(table).set_item(Some(item));
        Box::pin(put.send()).await.map_err(Failure::of)?;
        Ok(())
    }

    /// Writes an item if the stored one meets `condition`. [`Failure::Condition`] carries the stored one.
    pub(super) async fn put_if(&self, table: &str, item: Item, condition: impl Into<Condition>) -> Result<(), Failure> {
        let condition = condition.into();
        let put = self.db.put_item().table_name(table).set_item(Some(item)).condition_expression(condition.text);
        let put =
            put.set_expression_attribute_values(condition.values).return_values_on_condition_check_failure(AllOld);
        // The future of a call takes kilobytes, which every caller's future would contain.
        Box::pin(put.send()).await.map(|_| ()).map_err(Failure::of_put)
    }

    /// Deletes an item. Succeeds if it is already gone.
    pub(super) async fn delete(&self, table: &str, key: Item) -> Result<()> {
        self.db.delete_item().table_name(table).set_key(Some(key)).send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// Deletes an item if it meets `condition`. `false` if it does not.
    pub(super) async fn delete_if(&self, table: &str, key: Item, condition: impl Into<Condition>) -> Result<bool> {
        let condition = condition.into();
        let delete = self.db.delete_item().table_name(table).set_key(Some(key)).condition_expression(condition.text);
        let delete = delete.set_expression_attribute_values(condition.values);
        condition_held(delete.send().await.map_err(Failure::of_delete))
    }
}
