//! Cursors of `iter`.
//!
//! A page can end at a record that its reader may not see, since a page reads a bounded number of records. Its cursor is
//! therefore encrypted, and always of the same length for the same filters: it tells nothing about that record. It opens
//! only in its installation and with its path key, and carries the filters of the first request.

use serde::{Deserialize, Serialize};
use terrapi::domain::kv::{Address, Idx, Key};
use terrapi::domain::{Code, Error, Namespace, Result};
use terrapi::http::{Query, open_cursor, seal_cursor};
use terrapi::runtime::App;

/// Bytes of a position: the index, big-endian; the length of the key, big-endian; the key, filled up with zeros.
const POSITION_BYTES: usize = 4 + 2 + Key::MAX_BYTES;

/// Everything that the first request of a listing asked for, but its limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the query")]
pub struct Filters {
    pub idx: Option<i64>,
    pub inclusive: bool,
    pub prefix: bool,
    pub committed: bool,
    pub include_data: bool,
    pub select: Option<Vec<String>>,
}

impl Default for Filters {
    fn default() -> Self {
        Self { idx: None, inclusive: true, prefix: false, committed: true, include_data: true, select: None }
    }
}

impl Filters {
    /// What a request asks for; `default` holds for what it leaves out.
    pub fn of(query: &Query, default: &Self) -> Result<Self> {
        let select = query.list("select").map(|elements| elements.into_iter().map(str::to_owned).collect());
        Ok(Self {
            idx: query.integer("idx")?.or(default.idx),
            inclusive: query.flag("inclusive", default.inclusive)?,
            prefix: query.flag("prefix", default.prefix)?,
            committed: query.flag("committed", default.committed)?,
            include_data: query.flag("include_data", default.include_data)?,
            select: select.or_else(|| default.select.clone()),
        })
    }
}

/// Which listing a cursor belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// Whose records.
    pub namespace: Namespace,
    /// The key in the path; may be empty.
    pub key: &'a str,
}

impl Listing<'_> {
    fn bound_to(&self) -> String {
        format!("kv#{}#iter#{}", self.namespace, self.key)
    }

    /// The cursor of the page that begins after `last`.
    pub async fn seal(&self, app: &App, last: &Address, filters: &Filters) -> Result<String> {
        let key = last.key.as_str().as_bytes();
        let length = u16::try_from(key.len()).map_err(|error| Error::internal("writing a cursor", error))?;
        let mut plain = [&last.idx.get().to_be_bytes()[..], &length.to_be_bytes(), key].concat();
        plain.resize(POSITION_BYTES, 0);
        serde_json::to_writer(&mut plain, filters).map_err(|error| Error::internal("writing a cursor", error))?;
        seal_cursor(app, &self.bound_to(), &plain).await
    }

    /// Where a cursor leads, and its filters.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] for a text that is no cursor of this listing.
    pub async fn open(&self, app: &App, cursor: &str) -> Result<(Address, Filters)> {
        let plain = open_cursor(app, &self.bound_to(), cursor).await?;
        read(&plain).ok_or(Error::invalid(Code::InvalidCursor))
    }
}

fn read(plain: &[u8]) -> Option<(Address, Filters)> {
    let (position, filters) = plain.split_at_checked(POSITION_BYTES)?;
    let (idx, position) = position.split_first_chunk()?;
    let (length, key) = position.split_first_chunk()?;
    let key = key.get(..usize::from(u16::from_be_bytes(*length)))?;
    let key = Key::new(std::str::from_utf8(key).ok()?).ok()?;
    let idx = Idx::new(u32::from_be_bytes(*idx).into()).ok()?;
    Some((Address { key, idx }, serde_json::from_slice(filters).ok()?))
}
