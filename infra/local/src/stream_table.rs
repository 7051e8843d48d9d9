//! The engine's table of stream records. The engine looks a table's newest record up at each write, without an index,
//! and removes no record, so that each write costs more than the one before. This adds the index, and removes records.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, params};

use crate::error::{Error, Result};

/// How many records are removed in one transaction, for which other writers wait.
const REMOVED_AT_ONCE: usize = 500;
/// What the engine adds to a stored sequence number.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// A second connection to the database file.
pub struct StreamTable(Mutex<Connection>);

impl StreamTable {
    /// Opens the file of a running engine, and creates the index if it is missing.
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

    /// Removes a table's records before `position`, a sequence number. The record at `position` stays, because the
    /// engine numbers the next one after it.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn trim(&self, table: &str, position: &str) -> Result<()> {
        let stored = position.parse::<u128>().ok().and_then(|position| position.checked_sub(SEQUENCE_NUMBER_OFFSET));
        let stored = stored.and_then(|stored| i64::try_from(stored).ok());
        let stored = stored.ok_or_else(|| Error::Engine(format!("{position} is not a sequence number")))?;
        loop {
            let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let removed = connection.prepare_cached(
                "DELETE FROM _stream_records WHERE id IN (
                     SELECT id FROM _stream_records
                     WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) < ?2 LIMIT ?3)",
            )?;
            let removed = { removed }.execute(params![table, stored, REMOVED_AT_ONCE])?;
            if removed < REMOVED_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// How many records a table has.
    ///
    /// # Errors
    /// [`Error::Engine`].
    pub fn count(&self, table: &str) -> Result<u64> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sql = "SELECT COUNT(*) FROM _stream_records WHERE table_name = ?1";
        Ok(connection.query_row(sql, [table], |row| row.get(0))?)
    }
}
