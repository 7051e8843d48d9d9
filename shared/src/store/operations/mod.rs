//! The operations table: installations, their repositories, and tasks.

mod installations;
mod refresh;
mod repositories;
mod tasks;

pub use repositories::Direction;

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::client::Store;
use super::error::Failure;

/// How often a write that somebody was in the way of is judged anew before the caller is told to come again.
const ATTEMPTS: usize = 5;

impl Store {
    /// All of these writes or none. The SDK names each transaction, so that one whose answer was lost takes effect once.
    async fn transact_operations(&self, items: Vec<TransactWriteItem>) -> Result<(), Failure> {
        let sent = self.db.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(|_| ()).map_err(Failure::of_transaction)
    }
}
