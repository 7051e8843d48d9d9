//! Organizations, teams and their tokens: one partition for each organization, in the identity table.

mod changes;
mod codec;
mod decision;
mod members;
mod of_installation;
mod organization;
mod owners;
mod snapshot;
mod teams;
mod tokens;

pub use decision::{Decision, Written};
pub use organization::OrganizationChange;
pub use owners::Ownership;
pub use snapshot::OrganizationSnapshot;
pub use teams::TeamChange;

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::client::Store;
use super::error::Failure;

/// How often a transaction is sent that others stand in the way of. Of twenty at once, each but the last meets some.
const ATTEMPTS: u32 = 24;
/// The first pause between two, in milliseconds; each further one is longer by as much.
const PAUSE_MS: u64 = 10;
/// What one transaction may hold, in writes (a limit of DynamoDB's).
const MOST_WRITES: usize = 100;

impl Store {
    /// As `transact`, again and again while other transactions are in its way: refused so, it changed nothing. `salt`
    /// spreads the pauses of those that were refused together.
    pub(in crate::store) async fn transact_patiently(
        &self,
        items: Vec<TransactWriteItem>,
        salt: u64,
    ) -> Result<(), Failure> {
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => {
                    let spread = salt.rotate_left(attempt * 7) % PAUSE_MS;
                    tokio::time::sleep(Duration::from_millis(PAUSE_MS.min(u64::from(attempt) * 2) + spread)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Writes that need not be seen together.
    async fn transact_in_parts(&self, items: &[TransactWriteItem]) -> Result<(), Failure> {
        for part in items.chunks(MOST_WRITES) {
            self.transact_patiently(part.to_vec(), 0).await?;
        }
        Ok(())
    }
}
