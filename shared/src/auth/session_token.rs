//! The value of the session cookie: 256 random bits, which whoever signed in holds and nobody else does.

use std::fmt;

use ring::digest;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base62;
use crate::domain::SessionId;

const BYTES: usize = 32;
/// 32 bytes need ⌈256 / log₂ 62⌉ digits.
const DIGITS: usize = 43;

/// A session cookie's value. Prints as nothing and is wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionToken([u8; BYTES]);

impl SessionToken {
    /// Wraps 256 random bits.
    pub const fn new(random: [u8; BYTES]) -> Self {
        Self(random)
    }

    /// Reads a value. `None` for another length or a foreign digit: nothing that needs a read to refuse.
    pub fn parse(text: &str) -> Option<Self> {
        base62::decode(text).filter(|_| text.len() == DIGITS).map(Self)
    }

    /// The text in the cookie.
    pub fn reveal(&self) -> String {
        base62::encode(&self.0, DIGITS)
    }

    /// What is stored in its place, and found by.
    pub fn id(&self) -> SessionId {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, &self.0).as_ref());
        SessionId::new(hash)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_names_the_same_session() {
        let token = SessionToken::new([0xff; 32]);
        let text = token.reveal();
        assert_eq!(text.len(), DIGITS);
        assert_eq!(SessionToken::parse(&text).unwrap().id(), token.id());
        assert_ne!(SessionToken::new([0; 32]).id(), token.id());
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = SessionToken::new([1; 32]).reveal();
        for broken in ["", &text[1..], &format!("0{text}"), &text.replacen('0', "-", 1), &"z".repeat(DIGITS)] {
            assert!(SessionToken::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn a_value_does_not_print() {
        assert_eq!(format!("{:?}", SessionToken::new([7; 32])), "SessionToken(..)");
    }
}
