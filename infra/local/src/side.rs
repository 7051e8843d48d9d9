//! A second connection to the engine's database file, for what the engine does without an index or not at all.
//!
//! The engine looks up a table's newest stream record at each write, and never removes one: each write costs more than
//! the one before. It finds expired items by reading all items. The indexes of this module make both cheap, and
//! [`SideConnection::trim`] removes stream records.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, params};

use crate::error::{Error, Result};
use crate::template::Table;

/// How many records are removed in one transaction, for which other writers wait.
const REMOVED_AT_ONCE: usize = 500;
/// What the engine adds to a stored sequence number.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// A connection to the file that the engine also has open. One thread at a time uses it.
pub struct SideConnection(Mutex<Connection>);

impl SideConnection {
    /// Opens the file of a running engine, and creates the index of stream records if it is missing.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn open(file: &Path) -> Result<Self> {
        let connection = Connection::open(file)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.execute_batch(
            "CREATE INDEX IF NOT EXISTS stream_records_by_sequence_number
             ON _stream_records (table_name, CAST(sequence_number AS INTEGER))",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a table's stream records before `position`, a sequence number. The record at `position` stays, because
    /// the engine numbers the next one after it.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn trim(&self, table: &str, position: &str) -> Result<()> {
        let stored = position.parse::<u128>().ok().and_then(|position| position.checked_sub(SEQUENCE_NUMBER_OFFSET));
        let stored = stored.and_then(|stored| i64::try_from(stored).ok());
        let stored = stored.ok_or_else(|| Error::Engine(format!("{position} is not a sequence number")))?;
        loop {
            let removed = self.connection().execute(
                "DELETE FROM _stream_records WHERE id IN (
                     SELECT id FROM _stream_records
                     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2 LIMIT ?3)",
                params![table, stored, REMOVED_AT_ONCE],
            )?;
            if removed < REMOVED_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// How many stream records a table has.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn count_stream_records(&self, table: &str) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM _stream_records WHERE table_name = ?1";
        Ok(self.connection().query_row(sql, [table], |row| row.get(0))?)
    }

    /// Creates the index of a table's items by their expiry, if it is missing.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn index_expiry(&self, table: &Table) -> Result<()> {
        let Some(expiry) = expiry(table) else { return Ok(()) };
        let name = &table.name;
        self.connection().execute_batch(&format!(
            "CREATE INDEX IF NOT EXISTS \"{name}::expiry\" ON \"{name}\" (CAST({expiry} AS INTEGER))
             WHERE {expiry} IS NOT NULL"
        ))?;
        Ok(())
    }

    /// Some of the table's items that expired before `now`, in epoch seconds, as DynamoDB JSON.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn expired(&self, table: &Table, now: i64, limit: usize) -> Result<Vec<String>> {
        let Some(expiry) = expiry(table) else { return Ok(Vec::new()) };
        let connection = self.connection();
        let mut statement = connection.prepare(&format!(
            "SELECT item_json FROM \"{}\" WHERE {expiry} IS NOT NULL AND CAST({expiry} AS INTEGER) < ?1 LIMIT ?2",
            table.name
        ))?;
        let items = statement.query_map(params![now, limit], |row| row.get(0))?;
        Ok(items.collect::<std::result::Result<_, _>>()?)
    }
}

/// The expression for an item's expiry, as text. `None` if the table's items do not expire.
fn expiry(table: &Table) -> Option<String> {
    table.ttl_attribute.as_ref().map(|attribute| format!("json_extract(item_json, '$.{attribute}.N')"))
}
