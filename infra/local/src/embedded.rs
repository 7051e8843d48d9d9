//! The embedded, DynamoDB-compatible engine (SQLite), and the project's tables in it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use dynoxide::actions::update_table::{self, GlobalSecondaryIndexUpdate};
use dynoxide::actions::{create_table, update_time_to_live};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

use crate::error::{Error, Result};
use crate::journal::Journal;
use crate::schema;
use crate::side::SideConnection;
use crate::template::{Table, Template};

/// The database file in the data folder.
pub const FILE: &str = "dynamodb.sqlite";

/// How long a connection beside the engine waits for a lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The engine of one process. Cheap to clone.
#[derive(Clone)]
pub struct EmbeddedEngine {
    database: Database,
    /// Where the data is, for messages.
    folder: String,
    /// `None` in memory, where no other connection reaches the data.
    side: Option<Arc<SideConnection>>,
    /// Makes writes durable. `None` if the engine does it at each commit.
    journal: Option<Arc<Journal>>,
    /// Changes at each write of this process.
    writes: watch::Sender<()>,
}

impl EmbeddedEngine {
    /// An engine that keeps its data in memory.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn memory() -> Result<Self> {
        Ok(Self::new(Database::memory()?, "memory".to_owned()))
    }

    /// An engine that stores its data in an existing folder. Each commit is on disk before the engine answers.
    ///
    /// # Errors
    /// [`Error::Engine`] if the file cannot be opened, or was written by a newer version.
    pub fn open(folder: &Path) -> Result<Self> {
        let file = folder.join(FILE);
        let database = Database::new(&file.to_string_lossy())?;
        let side = Some(Arc::new(SideConnection::open(&file)?));
        Ok(Self { side, ..Self::new(database, folder.display().to_string()) })
    }

    /// As [`Self::open`], for a process that calls the engine only through [`Self::http_client`](crate::in_process):
    /// writes that come together are made durable together, before any of them is answered.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with_group_commit(folder: &Path) -> Result<Self> {
        let engine = Self::open(folder)?;
        // Sets SQLite's `synchronous` to NORMAL: a commit is in the write-ahead log, and the journal syncs that.
        engine.database.disable_bulk_loading()?;
        let journal = Some(Arc::new(Journal::open(&folder.join(FILE))?));
        Ok(Self { journal, ..engine })
    }

    fn new(database: Database, folder: String) -> Self {
        Self { database, folder, side: None, journal: None, writes: watch::Sender::new(()) }
    }

    /// The engine's library.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The second connection to the data. `None` in memory.
    pub fn side(&self) -> Option<&SideConnection> {
        self.side.as_deref()
    }

    /// Calls the engine. `wrote` says whether the call may have been a write, which is then announced.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&Database) -> T, wrote: impl Fn(&T) -> bool) -> T {
        let outcome = match &self.journal {
            Some(journal) => journal.call(|| call(&self.database), &wrote),
            None => call(&self.database),
        };
        if wrote(&outcome) {
            self.writes.send_replace(());
        }
        outcome
    }

    /// Notices the writes of this process.
    pub fn writes(&self) -> watch::Receiver<()> {
        self.writes.subscribe()
    }

    /// Waits until everything that has been written is on disk.
    ///
    /// # Errors
    /// [`Error::Io`] if the disk refuses it.
    pub async fn durable(&self) -> Result<()> {
        match &self.journal {
            Some(journal) => journal.durable().await,
            None => Ok(()),
        }
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
        self.side().map_or(Ok(()), |side| side.index_expiry(table))
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

/// Copies a database file as of one moment into a new file. Other processes may use it meanwhile: the write-ahead log
/// keeps what they write apart. The copy is not yet durable.
///
/// # Errors
/// [`Error::Engine`] if the database is damaged, or the new file exists or cannot be written.
pub fn copy_database(from: &Path, to: &Path) -> Result<()> {
    connect(from)?.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
    Ok(())
}

/// Ends the write-ahead log of a database that nobody uses, so that its one file can be read from a read-only medium.
///
/// # Errors
/// [`Error::Engine`] if somebody uses it.
pub fn seal_database(file: &Path) -> Result<()> {
    connect(file)?.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// What the own check of the database finds, one line for each problem.
///
/// # Errors
/// [`Error::Engine`] if the file cannot be read at all.
pub fn check_database(file: &Path) -> Result<Vec<String>> {
    let connection = connect(file)?;
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let lines = check.query_map([], |row| row.get::<_, String>(0))?.collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(lines.into_iter().filter(|line| line != "ok").collect())
}

/// A connection beside the engine, to an existing file.
fn connect(file: &Path) -> Result<Connection> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    fn with_tables() -> EmbeddedEngine {
        let engine = EmbeddedEngine::memory().unwrap();
        engine.create_tables(Template::project().unwrap()).unwrap();
        engine
    }

    #[test]
    fn tables_are_created_once_and_survive_a_second_start() {
        let engine = with_tables();
        engine.create_tables(Template::project().unwrap()).unwrap();
        let kv = engine.database().get_table_metadata("terrapi-kv").unwrap().unwrap();
        assert!(kv.stream_enabled && kv.ttl_enabled);
        assert_eq!(engine.database().table_count().unwrap(), 3);
    }

    #[test]
    fn missing_index_is_added_and_covers_existing_items() {
        let engine = EmbeddedEngine::memory().unwrap();
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
        let engine = with_tables();
        let mut template = Template::project().unwrap().clone();
        for table in &mut template.tables {
            table.sort_key = None;
        }
        assert!(matches!(engine.create_tables(&template), Err(Error::OtherKey { .. })));
    }
}
