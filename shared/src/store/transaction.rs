//! Builds the writes of a transaction.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};

use super::expression::Condition;
use super::item::Item;
use crate::domain::{Error, Result};

/// Writes a row, replacing an existing one.
pub fn put(table: &str, item: Item) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Writes a row. The transaction fails unless the stored row meets `condition`.
pub fn put_if(table: &str, item: Item, condition: impl Into<Condition>) -> Result<TransactWriteItem> {
    let condition = condition.into();
    let put = Put::builder().table_name(table).set_item(Some(item)).set_expression_attribute_names(condition.names());
    let put = put.set_expression_attribute_values(condition.values).condition_expression(condition.text);
    Ok(TransactWriteItem::builder().put(put.build().map_err(malformed)?).build())
}

/// Creates a row. The transaction fails if it exists.
pub fn put_new(table: &str, item: Item) -> Result<TransactWriteItem> {
    put_if(table, item, "attribute_not_exists(pk)")
}

/// Deletes a row if it exists.
pub fn delete(table: &str, key: Item) -> Result<TransactWriteItem> {
    let delete = Delete::builder().table_name(table).set_key(Some(key)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Deletes a row. The transaction fails unless the row meets `condition`.
pub fn delete_if(table: &str, key: Item, condition: impl Into<Condition>) -> Result<TransactWriteItem> {
    let condition = condition.into();
    let delete = Delete::builder().table_name(table).set_key(Some(key));
    let delete = delete.set_expression_attribute_names(condition.names()).condition_expression(condition.text);
    let delete = delete.set_expression_attribute_values(condition.values).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Deletes a row. The transaction fails if it does not exist.
pub fn delete_existing(table: &str, key: Item) -> Result<TransactWriteItem> {
    delete_if(table, key, "attribute_exists(pk)")
}

/// Checks `condition` on a row without writing it.
pub fn require(table: &str, key: Item, condition: impl Into<Condition>) -> Result<TransactWriteItem> {
    let condition = condition.into();
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
    let check = check.set_expression_attribute_names(condition.names()).condition_expression(condition.text);
    let check = check.set_expression_attribute_values(condition.values).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// The error of a write that lacks a required field.
pub fn malformed(error: BuildError) -> Error {
    Error::internal("building a transaction", error)
}
