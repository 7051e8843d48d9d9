//! The storage engine of a test service: an embedded one per service, or separate tables in the engine that
//! `TERRAPI_TEST_DYNAMODB` names (for example AWS's DynamoDB Local).
#![expect(clippy::disallowed_methods, reason = "the test run chooses the engine by a variable")]
#![expect(clippy::disallowed_types, reason = "tables are made through the service's own API")]

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, PutRequest, ScalarAttributeType, WriteRequest,
};
use terrapi::store::Tables;
use terrapi_local::template::{KeyAttribute, Table};
use terrapi_local::{Engine, Template};

use super::faulty::access_key_id;

pub struct Backend {
    pub endpoint: String,
    pub tables: Tables,
    /// The embedded engine; `None` when `TERRAPI_TEST_DYNAMODB` names another one.
    pub engine: Option<Engine>,
}

impl Backend {
    pub async fn start() -> Self {
        match std::env::var("TERRAPI_TEST_DYNAMODB") {
            Ok(endpoint) => Self::on(endpoint).await,
            Err(_) => {
                let engine = Engine::with_tables().unwrap();
                let name = |role| Template::project().unwrap().table(role).unwrap().name.clone();
                let tables = Tables { identity: name("identity"), kv: name("kv"), operations: name("operations") };
                Self { endpoint: engine.endpoint(), tables, engine: Some(engine) }
            }
        }
    }

    async fn on(endpoint: String) -> Self {
        let client = client(&endpoint);
        let suffix = uuid::Uuid::from_bytes(terrapi::runtime::Random::default().bytes().unwrap()).simple().to_string();
        for name in ["identity", "kv", "operations"] {
            let table = Template::project().unwrap().table(name).unwrap();
            create(&client, table, &format!("{name}-{suffix}")).await;
        }
        let name = |role| format!("{role}-{suffix}");
        let tables = Tables { identity: name("identity"), kv: name("kv"), operations: name("operations") };
        Self { endpoint, tables, engine: None }
    }

    /// The ids of an installation's stored repositories, in order. No route lists them.
    pub async fn repositories(&self, installation: &str) -> Vec<u64> {
        let query = client(&self.endpoint).query().table_name(&self.tables.operations).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :repositories)");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(format!("installation#{installation}")));
        let query = query.expression_attribute_values(":repositories", AttributeValue::S("repo#".into()));
        let rows: Vec<_> = query.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
        rows.iter().map(|row| row["id"].as_n().unwrap().parse().unwrap()).collect()
    }

    /// Removes an attribute from an item of the identity table, as if an older version of the service had written it.
    pub async fn remove_attribute(&self, pk: &str, sk: &str, name: &str) {
        let update = client(&self.endpoint).update_item().table_name(&self.tables.identity);
        let update = update.key("pk", AttributeValue::S(pk.into())).key("sk", AttributeValue::S(sk.into()));
        let update = update.update_expression("REMOVE #name").expression_attribute_names("#name", name);
        update.condition_expression("attribute_exists(#name)").send().await.unwrap();
    }

    /// Stores `count` copies of a KV record of GitHub installation 12345 under its key, with idx 0 to `count`. The
    /// result is the same as that of as many writes, but faster.
    pub async fn multiply_record(&self, key: &str, count: u32) {
        let client = client(&self.endpoint);
        let sort_key = |idx: u32| AttributeValue::B(Blob::new([key.as_bytes(), &[0], &idx.to_be_bytes()].concat()));
        let namespace = AttributeValue::S("github#12345".into());
        let first = client.get_item().table_name(&self.tables.kv).key("pk", namespace).key("sk", sort_key(0));
        let first = first.send().await.unwrap().item.unwrap();
        let copies = (1..count).map(|idx| {
            let mut item = first.clone();
            item.insert("sk".into(), sort_key(idx));
            item
        });
        if let Some(engine) = &self.engine {
            let copies = copies.map(|item| item.into_iter().map(|(name, value)| (name, embedded(value))).collect());
            let options = dynoxide::ImportOptions::default();
            engine.database().import_items(&self.tables.kv, copies.collect(), options).unwrap();
            return;
        }
        let put = |item| {
            WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
        };
        for batch in copies.map(put).collect::<Vec<_>>().chunks(25) {
            client.batch_write_item().request_items(&self.tables.kv, batch.to_vec()).send().await.unwrap();
        }
    }

    /// Every item of the KV table.
    pub async fn kv_items(&self) -> Vec<HashMap<String, AttributeValue>> {
        let scan = client(&self.endpoint).scan().table_name(&self.tables.kv).consistent_read(true);
        scan.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap()
    }

    /// Stores `count` copies of the KV table's only record with idx 0, 1, 2, …, each with its own draft. The result is
    /// the same as that of as many staged writes, but faster.
    pub async fn multiply_draft(&self, count: u32) {
        let client = client(&self.endpoint);
        let records = client.query().table_name(&self.tables.kv).key_condition_expression("pk = :pk");
        let records = records.expression_attribute_values(":pk", AttributeValue::S("github#12345".into()));
        let only = records.send().await.unwrap().items.unwrap().remove(0);
        let key = only["sk"].as_b().unwrap().as_ref().to_vec();
        let puts: Vec<WriteRequest> = (0..count)
            .map(|idx| {
                let mut item = only.clone();
                let sort_key = [&key[..key.len() - 4], &idx.to_be_bytes()].concat();
                let draft = uuid::Uuid::from_u128(u128::from(idx) + 1);
                item.insert("sk".into(), AttributeValue::B(Blob::new(sort_key)));
                item.insert("draft_id".into(), AttributeValue::B(Blob::new(draft.into_bytes())));
                WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().unwrap()).build()
            })
            .collect();
        for batch in puts.chunks(25) {
            client.batch_write_item().request_items(&self.tables.kv, batch.to_vec()).send().await.unwrap();
        }
    }
}

/// Converts an SDK value to one of the embedded engine. Supports only the types that records use.
fn embedded(value: AttributeValue) -> dynoxide::AttributeValue {
    match value {
        AttributeValue::S(text) => dynoxide::AttributeValue::S(text),
        AttributeValue::N(number) => dynoxide::AttributeValue::N(number),
        AttributeValue::B(bytes) => dynoxide::AttributeValue::B(bytes.into_inner()),
        AttributeValue::M(map) => {
            dynoxide::AttributeValue::M(map.into_iter().map(|(name, value)| (name, embedded(value))).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// What the SDK needs to know, with [`credentials`].
pub fn aws(caller: &str) -> SdkConfig {
    let credentials = SharedCredentialsProvider::new(credentials(caller));
    let aws = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).credentials_provider(credentials);
    aws.region(Region::new("us-east-1")).build()
}

/// Credentials whose access key id names the caller.
fn credentials(caller: &str) -> Credentials {
    Credentials::new(access_key_id(caller), "test", None, None, "test")
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(&aws("test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

async fn create(client: &Client, table: &Table, name: &str) {
    let keys: Vec<(&KeyAttribute, KeyType)> = std::iter::once((&table.partition_key, KeyType::Hash))
        .chain(table.sort_key.iter().map(|key| (key, KeyType::Range)))
        .collect();
    let mut request = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (key, kind) in keys {
        let schema = KeySchemaElement::builder().attribute_name(&key.name).key_type(kind).build().unwrap();
        let attribute = AttributeDefinition::builder()
            .attribute_name(&key.name)
            .attribute_type(ScalarAttributeType::from(key.kind.as_str()));
        request = request.key_schema(schema).attribute_definitions(attribute.build().unwrap());
    }
    for index in &table.indexes {
        let keys = std::iter::once((&index.partition_key, KeyType::Hash))
            .chain(index.sort_key.iter().map(|key| (key, KeyType::Range)));
        let schema = keys
            .map(|(key, kind)| KeySchemaElement::builder().attribute_name(&key.name).key_type(kind).build().unwrap());
        let all = Projection::builder().projection_type(ProjectionType::All).build();
        let index = GlobalSecondaryIndex::builder().index_name(&index.name).projection(all);
        let index = index.set_key_schema(Some(schema.collect())).build().unwrap();
        request = request.global_secondary_indexes(index);
    }
    let indexed = table.indexes.iter().flat_map(|index| std::iter::once(&index.partition_key).chain(&index.sort_key));
    let own = |key: &&KeyAttribute| **key != table.partition_key && Some(*key) != table.sort_key.as_ref();
    for key in indexed.filter(own) {
        let kind = ScalarAttributeType::from(key.kind.as_str());
        let attribute = AttributeDefinition::builder().attribute_name(&key.name).attribute_type(kind);
        request = request.attribute_definitions(attribute.build().unwrap());
    }
    request.send().await.unwrap();
}
