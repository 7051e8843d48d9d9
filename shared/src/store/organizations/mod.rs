//! Organizations, teams and their tokens. Each organization is one partition of the identity table.

mod changes;
mod check;
mod codec;
mod decision;
mod members;
mod of_installation;
mod organization;
mod snapshot;
mod teams;
mod tokens;

pub use decision::{Decision, Written};
pub use organization::OrganizationChange;
pub use snapshot::OrganizationSnapshot;
pub use teams::{Ownership, TeamChange};

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::client::Store;
use super::error::Failure;

/// How many times a transaction that conflicts with others is tried. Of twenty concurrent ones, each but the last is
/// rejected at least once.
const ATTEMPTS: u32 = 24;
/// The unit of the backoff between two attempts, in milliseconds.
const BACKOFF_MS: u64 = 10;
/// How many writes one transaction may have (a limit of DynamoDB).
const MAX_WRITES: usize = 100;

impl Store {
    /// As `transact`, but retries while other transactions conflict; a rejected transaction has changed nothing.
    /// `jitter_seed` spreads the backoff of transactions that were rejected together.
    pub(in crate::store) async fn transact_with_retries(
        &self,
        items: Vec<TransactWriteItem>,
        jitter_seed: u64,
    ) -> Result<(), Failure> {
        let mut attempt = 1;
        loop {
            match self.transact(items.clone()).await {
                Err(Failure::Busy(_)) if attempt < ATTEMPTS => {
                    let jitter = jitter_seed.rotate_left(attempt * 7) % BACKOFF_MS;
                    tokio::time::sleep(Duration::from_millis(BACKOFF_MS.min(u64::from(attempt) * 2) + jitter)).await;
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// Executes writes that need not be atomic together.
    async fn transact_in_parts(&self, items: &[TransactWriteItem]) -> Result<(), Failure> {
        for part in items.chunks(MAX_WRITES) {
            self.transact_with_retries(part.to_vec(), 0).await?;
        }
        Ok(())
    }
}
