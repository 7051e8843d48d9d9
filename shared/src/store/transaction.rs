//! The writes that transactions are made of.

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};

use super::item::Item;
use crate::domain::{Error, Result};

/// A row that must not be there yet.
pub fn put_new(table: &str, item: Item) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(table).set_item(Some(item));
    let put = put.condition_expression("attribute_not_exists(pk)").build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// A row in place of what is there.
pub fn put(table: &str, item: Item) -> Result<TransactWriteItem> {
    let put = Put::builder().table_name(table).set_item(Some(item)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Takes away a row that must be there.
pub fn delete_existing(table: &str, key: Item) -> Result<TransactWriteItem> {
    let delete = Delete::builder().table_name(table).set_key(Some(key));
    let delete = delete.condition_expression("attribute_exists(pk)").build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Takes away a row, if it is there.
pub fn delete(table: &str, key: Item) -> Result<TransactWriteItem> {
    let delete = Delete::builder().table_name(table).set_key(Some(key)).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().delete(delete).build())
}

/// Asks for a row to be there, and more.
pub fn require(table: &str, key: Item, condition: &str) -> Result<TransactWriteItem> {
    let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
    let check = check.condition_expression(condition).build().map_err(malformed)?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// A write without what every write has.
pub fn malformed(error: BuildError) -> Error {
    Error::internal("putting a transaction together", error)
}
