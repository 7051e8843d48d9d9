//! Cursors of `iter`.
//!
//! A page reads a bounded number of records and may end at one that its reader may not see. Therefore the cursor is
//! encrypted, and its length depends only on the filters: it reveals nothing about that record. It can be opened only
//! in its installation and with its path key, and it carries the filters of the first request.

use serde::{Deserialize, Serialize};
use terrapi::domain::kv::{Address, Idx, Key};
use terrapi::domain::{Code, Error, Namespace, Result};
use terrapi::http::{Query, open_cursor, seal_cursor};
use terrapi::runtime::App;

/// The bytes of a position: the index (big-endian), the length of the key (big-endian), and the key, padded with zeros.
const POSITION_BYTES: usize = 4 + 2 + Key::MAX_BYTES;

/// The parameters of the first request of a listing, except its limit.
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
    /// The parameters of a request. `default` applies to those that it does not set.
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

/// The listing to which a cursor belongs.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    pub namespace: Namespace,
    /// The key in the path. May be empty.
    pub key: &'a str,
}

impl Listing<'_> {
    fn bound_to(&self) -> String {
        format!("kv#{}#iter#{}", self.namespace, self.key)
    }

    /// The cursor of the page that begins after `last`.
    pub async fn seal(&self, app: &App, last: &Address, filters: &Filters) -> Result<String> {
        let key = last.key.as_str().as_bytes();
        let length = u16::try_from(key.len()).map_err(|error| Error::internal("encoding a cursor", error))?;
        let mut plain = [&last.idx.get().to_be_bytes()[..], &length.to_be_bytes(), key].concat();
        plain.resize(POSITION_BYTES, 0);
        serde_json::to_writer(&mut plain, filters).map_err(|error| Error::internal("encoding a cursor", error))?;
        seal_cursor(app, &self.bound_to(), &plain).await
    }

    /// The position and the filters of a cursor.
    ///
    /// # Errors
    /// [`Code::InvalidCursor`] if the text is not a cursor of this listing.
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
