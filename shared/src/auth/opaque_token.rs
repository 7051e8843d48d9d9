//! Random texts that only one browser holds: the value of a session cookie, the state of a sign-in, and the secret that
//! binds a sign-in to its browser. Each has 256 random bits in base62; only hashes are stored.

use std::fmt;

use ring::{digest, hmac};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base62;

const BYTES: usize = 32;
/// 32 bytes need ⌈256 / log₂ 62⌉ digits.
const DIGITS: usize = 43;

/// Its `Debug` shows nothing, and it is wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct OpaqueToken([u8; BYTES]);

impl OpaqueToken {
    /// Wraps 256 random bits.
    pub const fn new(random: [u8; BYTES]) -> Self {
        Self(random)
    }

    /// `None` for a wrong length or an unknown digit.
    pub fn parse(text: &str) -> Option<Self> {
        base62::decode(text).filter(|_| text.len() == DIGITS).map(Self)
    }

    pub fn reveal(&self) -> String {
        base62::encode(&self.0, DIGITS)
    }

    /// Its SHA-256, which is stored instead of the text and used as key.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        hash
    }

    /// Derives another token for `purpose`. Only the holder of this token can do that.
    #[must_use]
    pub fn derive(&self, purpose: &[u8]) -> Self {
        let mut derived = [0; BYTES];
        derived.copy_from_slice(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), purpose).as_ref());
        Self(derived)
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpaqueToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_round_trips_with_the_same_hash() {
        let token = OpaqueToken::new([0xff; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), DIGITS);
        assert_eq!(OpaqueToken::parse(&text).unwrap().hash(), token.hash());
        assert_ne!(OpaqueToken::new([0; 32]).hash(), token.hash());
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = OpaqueToken::new([1; 32]).reveal();
        for broken in ["", &text[1..], &format!("0{text}"), &text.replacen('0', "-", 1), &"z".repeat(DIGITS)] {
            assert!(OpaqueToken::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn derived_secrets_depend_on_token_and_purpose() {
        let token = OpaqueToken::new([7; 32]);
        assert_eq!(token.derive(b"a").reveal(), OpaqueToken::new([7; 32]).derive(b"a").reveal());
        assert_ne!(token.derive(b"a").reveal(), token.derive(b"b").reveal());
        assert_ne!(token.derive(b"a").reveal(), OpaqueToken::new([8; 32]).derive(b"a").reveal());
    }

    #[test]
    fn debug_output_hides_the_token() {
        assert_eq!(format!("{:?}", OpaqueToken::new([7; 32])), "OpaqueToken(..)");
    }
}
