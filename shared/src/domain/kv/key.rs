//! The address of a record: a key, and an index below it.

use std::fmt;

use crate::domain::{Code, Error, Result};

/// The key of a record: the rest of a KV path, percent-decoded. It may contain slashes.
///
/// Shape: 1 to 1,000 bytes of UTF-8 without NUL. Longer keys would not fit into DynamoDB's sort key of 1,024 bytes
/// together with the index. Keys are ordered by their bytes, as listings are.
///
/// ```
/// use terrapi::domain::kv::Key;
///
/// assert_eq!(Key::new("deploy/prod").unwrap().as_str(), "deploy/prod");
/// assert!(Key::new("").is_err() && Key::new("a\0b").is_err());
/// assert!(Key::new("k".repeat(1_000)).is_ok() && Key::new("k".repeat(1_001)).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 1_000;

    /// A key from a path, after percent-decoding.
    ///
    /// # Errors
    /// [`Code::InvalidKey`] if it is empty, longer than 1,000 bytes, or contains a NUL.
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

    /// The key as text, without percent-encoding.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A record's index below its key. The default is 0; the chunks of a file have 0, 1, 2, ….
///
/// ```
/// use terrapi::domain::kv::Idx;
///
/// assert_eq!(Idx::new(7).unwrap().get(), 7);
/// assert_eq!(Idx::new(2_147_483_647).unwrap(), Idx::MAX);
/// assert!(Idx::new(-1).is_err() && Idx::new(2_147_483_648).is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Idx(u32);

impl Idx {
    /// The highest index: 2,147,483,647.
    pub const MAX: Self = Self(i32::MAX.unsigned_abs());

    /// An index from a request.
    ///
    /// # Errors
    /// [`Code::InvalidIdx`] below 0 or above [`Self::MAX`].
    pub fn new(number: i64) -> Result<Self> {
        u32::try_from(number)
            .ok()
            .map(Self)
            .filter(|idx| *idx <= Self::MAX)
            .ok_or_else(|| Error::invalid_because(Code::InvalidIdx, "idx is between 0 and 2147483647"))
    }

    /// The index as a number, at most [`Self::MAX`].
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The address of a record within a namespace. Addresses are ordered as listings are: by the bytes of the key, then by
/// index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The key, which several records may share.
    pub key: Key,
    /// The index below it.
    pub idx: Idx,
}
