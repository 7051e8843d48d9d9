//! A set of names that need not fit in memory.

use rusqlite::Connection;

use crate::error::Result;

/// The names are in a temporary file that deletes itself.
pub struct NameSet(Connection);

impl NameSet {
    /// # Errors
    /// [`Error::Engine`](crate::Error::Engine) if no temporary file can be created.
    pub fn new() -> Result<Self> {
        let connection = Connection::open("")?;
        connection.execute_batch("CREATE TABLE names (name TEXT PRIMARY KEY) WITHOUT ROWID")?;
        Ok(Self(connection))
    }

    /// # Errors
    /// As [`Self::new`].
    pub fn insert<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO names VALUES (?1)")?;
            for name in names {
                insert.execute([name])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// # Errors
    /// As [`Self::new`].
    pub fn contains(&self, name: &str) -> Result<bool> {
        Ok(self.0.prepare_cached("SELECT 1 FROM names WHERE name = ?1")?.exists([name])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_contains_what_was_inserted_once_or_twice() {
        let mut set = NameSet::new().unwrap();
        set.insert(["a", "b"]).unwrap();
        set.insert(["b"]).unwrap();
        assert_eq!(["a", "b", "c"].map(|name| set.contains(name).unwrap()), [true, true, false]);
    }
}
