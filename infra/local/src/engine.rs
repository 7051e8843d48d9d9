//! The embedded database. It speaks DynamoDB's wire protocol on its own port and stores data in a file or in memory.
//!
//! Each integration test starts one. That takes milliseconds, because a process parses the template only once.

use std::{net::TcpListener, path::Path};

use dynoxide::{
    Database,
    actions::{
        create_table,
        update_table::{self, GlobalSecondaryIndexUpdate},
        update_time_to_live,
    },
};
use tokio::runtime::Runtime;

use crate::{
    error::{Error, Result},
    schema,
    template::{Table, Template},
};

/// The database file in the data folder.
const FILE: &str = "dynamodb.sqlite";

/// A running engine. It stops when dropped; a file keeps its data.
pub struct Engine {
    database: Database,
    endpoint: String,
    folder: String,
    // It has its own threads, so that it answers while the caller's runtime is busy.
    runtime: Option<Runtime>,
}

impl Engine {
    /// An engine that keeps its data in memory.
    ///
    /// # Errors
    /// [`Error::Engine`] or [`Error::Io`] if memory, a thread or a port is not available.
    pub fn memory() -> Result<Self> {
        Self::serve(Database::memory()?, "memory".to_owned())
    }

    /// An engine that stores its data in an existing folder.
    ///
    /// # Errors
    /// As [`Self::memory`], and if the file cannot be opened.
    pub fn at(folder: &Path) -> Result<Self> {
        Self::serve(Database::new(&folder.join(FILE).to_string_lossy())?, folder.display().to_string())
    }

    /// An engine in memory with the project's tables, for tests.
    ///
    /// # Errors
    /// As [`Self::memory`] and [`Self::create_tables`].
    pub fn with_tables() -> Result<Self> {
        let engine = Self::memory()?;
        engine.create_tables(Template::project()?)?;
        Ok(engine)
    }

    fn serve(database: Database, folder: String) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("engine").enable_all().build()?;
        let served = database.clone();
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(async move {
            if let Err(reason) = dynoxide::server::serve_with_shutdown(listener, served, std::future::pending()).await {
                tracing::error!(reason, "the embedded database stopped");
            }
        });
        Ok(Self { database, endpoint, folder, runtime: Some(runtime) })
    }

    /// The URL for the SDK, for example `http://127.0.0.1:40123`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Direct access to the database, for streams and expiry.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Creates missing tables and indexes of the template and enables expiry. Existing ones are kept.
    ///
    /// # Errors
    /// [`Error::OtherKey`] if a table exists with another key; otherwise [`Error::Engine`].
    pub fn create_tables(&self, template: &Template) -> Result<()> {
        template.tables.iter().try_for_each(|table| self.create_table(table))
    }

    fn create_table(&self, table: &Table) -> Result<()> {
        let existing = self.database.get_table_metadata(&table.name)?;
        if let Some(existing) = &existing {
            let other_key = || Error::OtherKey { table: table.name.clone(), folder: self.folder.clone() };
            self.add_indexes(table, schema::missing_indexes(existing, table).ok_or_else(other_key)?)?;
        } else {
            self.database.create_table(create_table::CreateTableRequest {
                table_name: table.name.clone(),
                key_schema: schema::key_schema(table),
                attribute_definitions: schema::attributes(table),
                global_secondary_indexes: schema::indexes(table),
                billing_mode: Some("PAY_PER_REQUEST".to_owned()),
                stream_specification: table.stream_view_type.as_ref().map(|view| create_table::StreamSpecification {
                    stream_enabled: true,
                    stream_view_type: Some(view.clone()),
                }),
                ..Default::default()
            })?;
        }
        // Checked at each start, because the last one may have been interrupted between both calls.
        let expires = existing.is_some_and(|existing| existing.ttl_enabled);
        if let Some(attribute) = table.ttl_attribute.clone().filter(|_| !expires) {
            self.database.update_time_to_live(update_time_to_live::UpdateTimeToLiveRequest {
                table_name: table.name.clone(),
                time_to_live_specification: update_time_to_live::TimeToLiveSpecification {
                    attribute_name: attribute,
                    enabled: true,
                },
            })?;
        }
        Ok(())
    }

    /// The engine accepts one new index at a time. Like AWS, it copies existing items into the index.
    fn add_indexes(&self, table: &Table, missing: Vec<GlobalSecondaryIndexUpdate>) -> Result<()> {
        for index in missing {
            self.database.update_table(update_table::UpdateTableRequest {
                table_name: table.name.clone(),
                attribute_definitions: Some(schema::attributes(table)),
                global_secondary_index_updates: Some(vec![index]),
                ..Default::default()
            })?;
        }
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // The runtime is not dropped, because that would block, and would panic inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_created_once_and_survive_a_second_start() {
        let engine = Engine::with_tables().unwrap();
        engine.create_tables(Template::project().unwrap()).unwrap();
        let kv = engine.database().get_table_metadata("terrapi-kv").unwrap().unwrap();
        assert!(kv.stream_enabled && kv.ttl_enabled);
        assert_eq!(engine.database().table_count().unwrap(), 3);
    }

    #[test]
    fn missing_index_is_added_and_covers_existing_items() {
        let engine = Engine::memory().unwrap();
        let mut before = Template::project().unwrap().clone();
        before.tables.iter_mut().for_each(|table| table.indexes.clear());
        engine.create_tables(&before).unwrap();
        let item = ["pk", "sk", "trail"].map(|name| (name.to_owned(), dynoxide::AttributeValue::S("1".into())));
        let put = dynoxide::actions::put_item::PutItemRequest {
            table_name: "terrapi-identity".into(),
            item: item.into_iter().collect(),
            ..Default::default()
        };
        engine.database().put_item(put).unwrap();
        engine.create_tables(Template::project().unwrap()).unwrap();
        engine.create_tables(Template::project().unwrap()).unwrap();
        let query = serde_json::json!({
            "TableName": "terrapi-identity", "IndexName": "trail", "KeyConditionExpression": "trail = :one",
            "ExpressionAttributeValues": {":one": {"S": "1"}},
        });
        let found = engine.database().query(serde_json::from_value(query).unwrap()).unwrap();
        assert_eq!(found.count, 1);
    }

    #[test]
    fn table_with_another_key_is_reported_not_replaced() {
        let engine = Engine::with_tables().unwrap();
        let mut template = Template::project().unwrap().clone();
        for table in &mut template.tables {
            table.sort_key = None;
        }
        assert!(matches!(engine.create_tables(&template), Err(Error::OtherKey { .. })));
    }

    #[test]
    fn engine_answers_on_its_endpoint_until_dropped() {
        let engine = Engine::memory().unwrap();
        let address = engine.endpoint().trim_start_matches("http://").to_owned();
        assert!(std::net::TcpStream::connect(&address).is_ok());
        drop(engine);
        let gone = (0..100).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(10));
            std::net::TcpStream::connect(&address).is_err()
        });
        assert!(gone);
    }
}
