//! API keys: long-lived credentials that only the exchange accepts.
//!
//! Shape: `tt_live_` and 70 base62 digits of (16-byte id, 32-byte random secret, 4-byte CRC-32 of both). Secret
//! scanners find leaked keys by the prefix. Because of the checksum, a mistyped key is refused without a read.

use std::fmt;

use ring::digest;
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base62;
use crate::domain::KeyId;

const ID_BYTES: usize = 16;
const SECRET_BYTES: usize = 32;
const BODY_BYTES: usize = ID_BYTES + SECRET_BYTES;
const WHOLE_BYTES: usize = BODY_BYTES + 4;
/// 52 bytes need ⌈416 / log₂ 62⌉ digits.
const DIGITS: usize = 70;

/// The prefix of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEnvironment {
    Live,
    /// For local development.
    Test,
}

impl KeyEnvironment {
    const ALL: [Self; 2] = [Self::Live, Self::Test];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Live => "tt_live_",
            Self::Test => "tt_test_",
        }
    }
}

/// The random part of a key. Its `Debug` shows nothing, and it is wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// Wraps 256 random bits.
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// The SHA-256 that is stored instead of the secret.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }

    /// Whether `hash` is the hash of this secret. Compares in constant time.
    pub fn matches(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A complete key, as its holder presents it.
#[derive(Debug)]
pub struct ApiKey {
    /// Identifies the key's row.
    pub id: KeyId,
    pub secret: Secret,
}

impl ApiKey {
    /// Whether `text` begins like a key, even if it is malformed.
    pub fn claimed_by(text: &str) -> bool {
        KeyEnvironment::ALL.iter().any(|environment| text.starts_with(environment.prefix()))
    }

    /// `None` for a wrong prefix, length, digit or checksum.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = KeyEnvironment::ALL.iter().find_map(|environment| text.strip_prefix(environment.prefix()))?;
        let mut whole = base62::decode::<WHOLE_BYTES>(digits).filter(|_| digits.len() == DIGITS)?;
        let (body, checksum) = whole.split_at(BODY_BYTES);
        let (id, secret) = body.split_at(ID_BYTES);
        let sound = checksum == crc32fast::hash(body).to_be_bytes();
        let key = Self { id: KeyId::new(Uuid::from_slice(id).ok()?), secret: Secret(secret.try_into().ok()?) };
        whole.zeroize();
        sound.then_some(key)
    }

    /// The text of the key, which its holder gets once.
    pub fn reveal(&self, environment: KeyEnvironment) -> String {
        let mut whole = Vec::with_capacity(WHOLE_BYTES);
        whole.extend_from_slice(&self.id.bytes());
        whole.extend_from_slice(&self.secret.0);
        whole.extend_from_slice(&crc32fast::hash(&whole).to_be_bytes());
        let text = format!("{}{}", environment.prefix(), base62::encode(&whole, DIGITS));
        whole.zeroize();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ApiKey {
        ApiKey { id: KeyId::new(Uuid::from_u128(7)), secret: Secret::new([9; 32]) }
    }

    #[test]
    fn key_round_trips() {
        let text = key().reveal(KeyEnvironment::Live);
        assert_eq!(text.len(), "tt_live_".len() + 70);
        let parsed = ApiKey::parse(&text).unwrap();
        assert_eq!(parsed.id, key().id);
        assert!(parsed.secret.matches(&key().secret.hash()));
    }

    #[test]
    fn every_changed_digit_is_rejected() {
        let text = key().reveal(KeyEnvironment::Test);
        for at in "tt_test_".len()..text.len() {
            let mut broken = text.clone().into_bytes();
            broken[at] = if broken[at] == b'0' { b'1' } else { b'0' };
            assert!(ApiKey::parse(std::str::from_utf8(&broken).unwrap()).is_none(), "digit {at}");
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = key().reveal(KeyEnvironment::Live);
        let zeros = "0".repeat(69);
        for broken in [
            "",
            "tt_live_",
            &text[8..],
            &text[..77],
            &format!("{text}0"),
            &format!("tt_prod_{}", &text[8..]),
            &format!("tt_live_{zeros}"),
        ] {
            assert!(ApiKey::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", key().secret), "Secret(..)");
    }
}
