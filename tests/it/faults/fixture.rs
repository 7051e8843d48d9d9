//! An engine, the fault proxy in front of it, a client through the proxy, and one directly to the engine.
#![expect(clippy::disallowed_types, reason = "these tests use DynamoDB directly, without the service")]

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, Put, ReturnConsumedCapacity,
    ScalarAttributeType, TransactWriteItem,
};

use crate::support::faulty::Faulty;

pub const TABLE: &str = "items";

pub type Item = HashMap<String, AttributeValue>;

pub struct Fixture {
    pub faulty: Faulty,
    /// A client through the proxy, with one attempt per call.
    pub client: Client,
    /// A client directly to the engine.
    pub direct: Client,
    engine: tokio::task::AbortHandle,
}

impl Fixture {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        let engine = tokio::spawn(dynoxide::server::serve_on(listener, database)).abort_handle();
        let faulty = Faulty::start(&endpoint, 7).await;
        let client = client(faulty.endpoint(), RetryConfig::disabled());
        let direct = client_of(&endpoint);
        create_table(&direct).await;
        Self { faulty, client, direct, engine }
    }

    /// A client through the proxy with three attempts and almost no backoff.
    pub fn retrying_client(&self) -> Client {
        client_of(self.faulty.endpoint())
    }

    pub async fn put(&self, sort: &str, value: &str) {
        put(&self.client, sort, value).await.unwrap();
    }

    /// The value in the store, read without the proxy.
    pub async fn stored(&self, sort: &str) -> Option<String> {
        get(&self.direct, sort, true).await
    }

    pub async fn read(&self, sort: &str) -> Option<String> {
        get(&self.client, sort, false).await
    }

    /// One page of a query over everything: values, and the start of the next page.
    pub async fn page(&self, start: Option<Item>) -> (Vec<String>, Option<Item>) {
        let query = self.client.query().table_name(TABLE).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", s("p")).set_exclusive_start_key(start);
        let page = query.consistent_read(true).send().await.unwrap();
        (page.items().iter().map(value_of).collect(), page.last_evaluated_key().cloned())
    }

    /// Puts all of them in one transaction.
    pub async fn transact(&self, sorts: &[&str], value: &str) {
        let writes = sorts.iter().map(|sort| {
            let put = Put::builder().table_name(TABLE).set_item(Some(item(sort, value))).build().unwrap();
            TransactWriteItem::builder().put(put).build()
        });
        let writes = Some(writes.collect());
        self.client.transact_write_items().set_transact_items(writes).send().await.unwrap();
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.engine.abort();
    }
}

fn client_of(endpoint: &str) -> Client {
    client(endpoint, RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)))
}

fn client(endpoint: &str, retry: RetryConfig) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(retry)
        .timeout_config(TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(5)).build());
    Client::from_conf(config.build())
}

async fn create_table(client: &Client) {
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute = |name: &str| {
        let definition = AttributeDefinition::builder().attribute_name(name);
        definition.attribute_type(ScalarAttributeType::S).build().unwrap()
    };
    let table = client.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let table = table.key_schema(key("pk", KeyType::Hash)).key_schema(key("sk", KeyType::Range));
    table.attribute_definitions(attribute("pk")).attribute_definitions(attribute("sk")).send().await.unwrap();
}

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub fn key(sort: &str) -> Item {
    HashMap::from([("pk".to_owned(), s("p")), ("sk".to_owned(), s(sort))])
}

pub fn item(sort: &str, value: &str) -> Item {
    let mut item = key(sort);
    item.insert("v".to_owned(), s(value));
    item
}

pub fn value_of(item: &Item) -> String {
    item["v"].as_s().unwrap().clone()
}

pub async fn put(client: &Client, sort: &str, value: &str) -> Result<(), String> {
    let put = client.put_item().table_name(TABLE).set_item(Some(item(sort, value)));
    match put.send().await {
        // The proxy does not pass on the capacity that only its ledger asked for.
        Ok(answer) => {
            assert_eq!(answer.consumed_capacity(), None);
            Ok(())
        }
        Err(error) => Err(describe(error)),
    }
}

pub async fn get(client: &Client, sort: &str, consistent: bool) -> Option<String> {
    let get = client.get_item().table_name(TABLE).set_key(Some(key(sort))).consistent_read(consistent);
    get.send().await.unwrap().item().map(value_of)
}

/// The consumed capacity reported to a client that asks for it.
pub async fn metered_get(client: &Client, sort: &str) -> Option<f64> {
    let get = client.get_item().table_name(TABLE).set_key(Some(key(sort)));
    let answer = get.return_consumed_capacity(ReturnConsumedCapacity::Total).send().await.unwrap();
    answer.consumed_capacity().and_then(aws_sdk_dynamodb::types::ConsumedCapacity::capacity_units)
}

/// The error code, or the kind of failure if the service returned none.
pub fn describe<E, R>(error: aws_sdk_dynamodb::error::SdkError<E, R>) -> String
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
{
    use aws_sdk_dynamodb::error::SdkError;
    match error {
        SdkError::ServiceError(error) => error.err().code().unwrap_or("no code").to_owned(),
        SdkError::DispatchFailure(_) => "no answer".to_owned(),
        SdkError::ResponseError(_) => "broken answer".to_owned(),
        SdkError::TimeoutError(_) => "timeout".to_owned(),
        error => format!("{error:?}"),
    }
}
