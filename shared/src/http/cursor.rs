//! Opaque cursors. Each names the listing it belongs to and carries a checksum, so that one from elsewhere, or a damaged
//! one, is refused. A cursor is a place, not a permission: every page is authorized anew.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Code, Error, Result};

/// Writes a cursor of `listing`, a text that no two listings share.
pub fn seal_cursor(listing: &str, position: &impl Serialize) -> Result<String> {
    let mut bytes = serde_json::to_vec(position).map_err(|error| Error::internal("writing a cursor", error))?;
    bytes.extend_from_slice(&checksum(listing, &bytes).to_be_bytes());
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads a cursor of `listing`.
///
/// # Errors
/// [`Code::InvalidCursor`] for anything else.
pub fn open_cursor<T: DeserializeOwned>(listing: &str, cursor: &str) -> Result<T> {
    let refused = || Error::invalid(Code::InvalidCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let (position, sum) = bytes.split_last_chunk::<4>().ok_or_else(refused)?;
    if checksum(listing, position).to_be_bytes() != *sum {
        return Err(refused());
    }
    serde_json::from_slice(position).map_err(|_| refused())
}

fn checksum(listing: &str, position: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(listing.as_bytes());
    hasher.update(&[0]);
    hasher.update(position);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_is_valid_only_undamaged_and_in_its_listing() {
        let cursor = seal_cursor("kv#1", &"here").unwrap();
        assert_eq!(open_cursor::<String>("kv#1", &cursor).unwrap(), "here");
        assert!(open_cursor::<String>("kv#2", &cursor).is_err());
        for at in 0..cursor.len() {
            let mut damaged = cursor.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            assert!(open_cursor::<String>("kv#1", std::str::from_utf8(&damaged).unwrap()).is_err());
        }
    }
}
