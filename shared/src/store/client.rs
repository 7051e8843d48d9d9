//! The DynamoDB clients, which are created once per process.
#![expect(clippy::disallowed_types, reason = "the store is the module that talks to DynamoDB")]

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Builder;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use tokio::sync::OnceCell;

use super::blobs::Blobs;
use super::config::{StoreConfig, Tables};
use super::error::Failure;
use super::https::{CONNECT_TIMEOUT, http_client};
use super::item::{Attributes, Item};
use super::kv::CommitLists;
use crate::auth::SealingKeys;
use crate::domain::{Error, Result};

/// Access to all stored state. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Retries throttled calls and calls whose answer was lost. For reads, and for writes that may be repeated.
    pub(super) db: Client,
    /// Never retries. For writes that must not be repeated before it is known whether they took effect.
    pub(super) db_once: Client,
    pub(super) tables: Arc<Tables>,
    pub(super) blobs: Blobs,
    pub(super) commit_lists: Arc<CommitLists>,
    pub(super) cursor_keys: Arc<OnceCell<SealingKeys>>,
}

impl Store {
    /// Creates the clients without sending anything.
    pub fn new(config: &StoreConfig) -> Result<Self> {
        Self::with(config, Blobs::open(config)?)
    }

    /// As [`Self::new`], without object storage: a function that does not use it does not link its client.
    pub fn without_blobs(config: &StoreConfig) -> Result<Self> {
        Self::with(config, Blobs::None)
    }

    fn with(config: &StoreConfig, blobs: Blobs) -> Result<Self> {
        let base = base_config(config)?;
        let once = base.clone().retry_config(RetryConfig::disabled()).build();
        let retrying = base.retry_config(RetryConfig::standard().with_max_attempts(4)).build();
        Ok(Self {
            db: Client::from_conf(retrying),
            db_once: Client::from_conf(once),
            tables: Arc::new(config.tables.clone()),
            blobs,
            commit_lists: Arc::default(),
            cursor_keys: Arc::default(),
        })
    }

    /// Checks that DynamoDB answers. This also opens the connection for the first request.
    pub async fn ping(&self) -> Result<()> {
        self.get(&self.tables.identity, super::item::s("health"), super::item::s("health")).await.map(|_| ())
    }

    /// Executes all writes or none. The SDK gives each transaction a token, so a retry after a lost answer does not
    /// execute it again.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Failure> {
        let sent = self.db.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(|_| ()).map_err(Failure::of_transaction)
    }

    /// Reads one item, strongly consistent.
    pub(super) async fn get(&self, table: &str, pk: AttributeValue, sk: AttributeValue) -> Result<Option<Item>> {
        let request = self.db.get_item().table_name(table).key(super::keys::PK, pk).key(super::keys::SK, sk);
        let answer = request.consistent_read(true).send().await.map_err(Failure::of)?;
        Ok(answer.item.filter(|item| !item.is_empty()))
    }
}

fn base_config(config: &StoreConfig) -> Result<Builder> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(config.timeouts.attempt)
        .operation_timeout(config.timeouts.operation)
        .build();
    let mut builder = Builder::from(&config.aws).timeout_config(timeouts);
    if config.aws.http_client().is_none() {
        builder = builder.http_client(http_client(config.endpoint.as_deref())?);
    }
    // Calls to an engine in the same process are not signed.
    if config.aws.credentials_provider().is_none() {
        builder = builder.allow_no_auth();
    }
    Ok(config.endpoint.iter().fold(builder, Builder::endpoint_url))
}

/// `None` if the item's time-to-live has passed: DynamoDB removes expired items with a delay.
pub(super) fn unexpired(item: Item, now: crate::domain::Seconds) -> Option<Item> {
    let over = item.find_number::<i64>(super::keys::TTL).is_some_and(|end| end <= now.0);
    (!over).then_some(item)
}

/// The error of a creation whose random identifier exists already.
pub(super) fn identifier_taken() -> Error {
    Error::bug("a new random identifier already exists")
}
