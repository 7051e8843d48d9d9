//! Builds the writes of a transaction.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};

use super::item::Item;
use crate::domain::{Error, Result};

/// Creates a row. The transaction fails if it exists.
pub fn put_new(table: &str, item: Item) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Writes a row, replacing an existing one.
pub fn put(table: &str, item: Item) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Deletes a row. The transaction fails if it does not exist.
pub fn delete_existing(table: &str, key: Item) -> Result<TransactWriteItem> {
    let delete = Delete::builder().table_name(table).set_key(Some(key));
    let delete = delete.condition_expression("attribute_exists(pk)").build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Deletes a row if it exists.
pub fn delete(table: &str, key: Item) -> Result<TransactWriteItem> {
    let delete = Delete::builder().table_name(table).set_key(Some(key)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Checks `condition` on a row without writing it.
pub fn require(table: &str, key: Item, condition: &str) -> Result<TransactWriteItem> {
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
    let check = check.condition_expression(condition).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// The error of a write that lacks a required field.
pub fn malformed(error: BuildError) -> Error {
    Error::internal("building a transaction", error)
}
