//! The clients, made once per process.
#![expect(clippy::disallowed_types, reason = "the store is who talks to DynamoDB")]

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Region, SharedCredentialsProvider};
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use tokio::sync::OnceCell;

use super::blobs::Blobs;
use super::config::{StoreConfig, Tables};
use super::error::Failure;
use super::https::AwsHttp;
use super::item::{Attributes, Item};
use super::kv::CommitLists;
use crate::domain::{Error, Result, SecretText};

/// Storage. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    /// Retries throttling and lost answers: for reads, and for writes that may safely be repeated.
    pub(super) db: Client,
    /// Never retries: for writes whose lost answers must be looked into first.
    pub(super) db_once: Client,
    pub(super) tables: Arc<Tables>,
    pub(super) blobs: Blobs,
    pub(super) commit_lists: Arc<CommitLists>,
    pub(super) cursor_seed: Arc<OnceCell<SecretText>>,
}

impl Store {
    /// Builds the clients. Nothing is sent yet.
    pub fn new(config: &StoreConfig) -> Result<Self> {
        Self::with(config, Blobs::open(config)?)
    }

    /// As [`Self::new`] for a function that keeps no values: its binary does without a client for object storage.
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
            cursor_seed: Arc::default(),
        })
    }

    /// Whether storage answers. Also opens the connection, so that the first request finds it open.
    pub async fn ping(&self) -> Result<()> {
        self.get(&self.tables.identity, super::item::s("health"), super::item::s("health")).await.map(|_| ())
    }

    /// All of these writes or none. The SDK names each transaction, so that one whose answer was lost takes effect once.
    pub(super) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), Failure> {
        let sent = self.db.transact_write_items().set_transact_items(Some(items)).send().await;
        sent.map(|_| ()).map_err(Failure::of_transaction)
    }

    /// One strongly consistent read.
    pub(super) async fn get(&self, table: &str, pk: AttributeValue, sk: AttributeValue) -> Result<Option<Item>> {
        let request = self.db.get_item().table_name(table).key(super::keys::PK, pk).key(super::keys::SK, sk);
        let answer = request.consistent_read(true).send().await.map_err(Failure::of)?;
        Ok(answer.item.filter(|item| !item.is_empty()))
    }
}

fn base_config(config: &StoreConfig) -> Result<Builder> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(config.timeouts.attempt)
        .operation_attempt_timeout(config.timeouts.attempt)
        .operation_timeout(config.timeouts.operation)
        .build();
    let builder = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(config.credentials.clone()))
        .timeout_config(timeouts);
    let builder = builder.http_client(AwsHttp::new(config.endpoint.as_deref())?);
    Ok(config.endpoint.iter().fold(builder, Builder::endpoint_url))
}

/// An item that DynamoDB has not removed yet although its time is over reads as absent.
pub(super) fn unexpired(item: Item, now: crate::domain::Seconds) -> Option<Item> {
    let over = item.find_number::<i64>(super::keys::TTL).is_some_and(|end| end <= now.0);
    (!over).then_some(item)
}

/// A failed condition on a write that creates: somebody was there before.
pub(super) fn already_there() -> Error {
    Error::bug("a fresh identifier was already taken")
}
