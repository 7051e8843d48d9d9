//! Where a record is: a key and an index below it.

use std::fmt;

use crate::domain::{Code, Error, Result};

/// The rest of a KV path: 1 to 1,000 bytes of UTF-8 without NUL, slashes included.
///
/// The limit leaves room in a 1,024-byte sort key for the separator and the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 1_000;

    /// Takes a key that has been percent-decoded.
    ///
    /// # Errors
    /// [`Code::InvalidKey`] when it is empty, too long or holds a NUL.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        let problem = match text.len() {
            0 => "a key cannot be empty",
            length if length > Self::MAX_BYTES => "a key is at most 1,000 bytes long",
            _ if text.contains('\0') => "a key cannot hold a NUL",
            _ => return Ok(Self(text)),
        };
        Err(Error::invalid_because(Code::InvalidKey, problem))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record's index below its key: 0 to 2,147,483,647.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Idx(u32);

impl Idx {
    /// The highest index.
    pub const MAX: Self = Self(i32::MAX.unsigned_abs());

    /// Takes a number in range.
    ///
    /// # Errors
    /// [`Code::InvalidIdx`] outside the range.
    pub fn new(number: i64) -> Result<Self> {
        u32::try_from(number)
            .ok()
            .map(Self)
            .filter(|idx| *idx <= Self::MAX)
            .ok_or_else(|| Error::invalid_because(Code::InvalidIdx, "idx is between 0 and 2147483647"))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// One record's place within a namespace. Ordered as listings are: by the key's bytes, then the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The key.
    pub key: Key,
    /// The index below it.
    pub idx: Idx,
}
