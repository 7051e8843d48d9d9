//! The secrets of team tokens: `<14>.atlasv1.<67>`, a shape that secret scanners recognise.
//!
//! Without the mark, the text is the token's id (16 digits) and 384 random bits in base62 (65 digits). So the id of a
//! presented secret tells which row to read, and a list of ids reveals nothing about the random part.

use std::fmt;

use ring::digest;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::base62;
use crate::domain::organization::TeamTokenId;

const MARK: &str = ".atlasv1.";
const BEFORE_MARK: usize = 14;
const AFTER_MARK: usize = 67;
const ID_DIGITS: usize = 16;
const RANDOM_BYTES: usize = 48;
/// 48 bytes need ⌈384 / log₂ 62⌉ digits.
const RANDOM_DIGITS: usize = 65;

/// A complete secret, as its holder presents it. Its `Debug` shows nothing, and it is wiped from memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct TeamSecret {
    #[zeroize(skip)]
    id: TeamTokenId,
    random: String,
}

impl TeamSecret {
    pub fn new(id: TeamTokenId, mut random: [u8; RANDOM_BYTES]) -> Self {
        let digits = base62::encode(&random, RANDOM_DIGITS);
        random.zeroize();
        Self { id, random: digits }
    }

    /// Whether `text` looks like a team token, even if it is malformed.
    pub fn claimed_by(text: &str) -> bool {
        text.contains(MARK)
    }

    /// `None` for any other shape.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once(MARK)?;
        let alphanumeric = before.bytes().chain(after.bytes()).all(|byte| byte.is_ascii_alphanumeric());
        if before.len() != BEFORE_MARK || after.len() != AFTER_MARK || !alphanumeric {
            return None;
        }
        let (rest_of_id, random) = after.split_at_checked(ID_DIGITS - BEFORE_MARK)?;
        let id = TeamTokenId::of_digits(&format!("{before}{rest_of_id}"))?;
        Some(Self { id, random: random.to_owned() })
    }

    pub fn id(&self) -> TeamTokenId {
        self.id
    }

    /// The text of the secret, which its holder gets once.
    pub fn reveal(&self) -> String {
        let (before, after) = self.id.digits().split_at_checked(BEFORE_MARK).unwrap_or_default();
        format!("{before}{MARK}{after}{}", self.random)
    }

    /// The SHA-256 that is stored instead of the secret.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest::digest(&digest::SHA256, self.random.as_bytes()).as_ref());
        hash
    }

    /// Whether `hash` is the hash of this secret. Compares in constant time.
    pub fn matches(&self, hash: &[u8; 32]) -> bool {
        self.hash().ct_eq(hash).into()
    }
}

impl fmt::Debug for TeamSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TeamSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::organization::OrganizationCode;

    fn secret() -> TeamSecret {
        TeamSecret::new(TeamTokenId::new(OrganizationCode::new([1; 8]), [2; 8]), [0xff; RANDOM_BYTES])
    }

    #[test]
    fn secret_round_trips_in_the_published_shape() {
        let text = secret().reveal();
        let (before, after) = text.split_once(".atlasv1.").unwrap();
        assert_eq!((before.len(), after.len()), (14, 67));
        let parsed = TeamSecret::parse(&text).unwrap();
        assert_eq!(parsed.id(), secret().id());
        assert!(parsed.matches(&secret().hash()));
        assert!(!parsed.matches(&TeamSecret::new(secret().id(), [1; RANDOM_BYTES]).hash()));
        assert!(TeamSecret::claimed_by(&text) && TeamSecret::claimed_by("x.atlasv1.y"));
    }

    #[test]
    fn other_shapes_are_refused() {
        let text = secret().reveal();
        let dash = text.replace(&text[30..31], "-");
        for broken in
            ["", ".atlasv1.", &text[1..], &text[..89], &format!("{text}0"), &text.replace("atlasv1", "atlasv2"), &dash]
        {
            assert!(TeamSecret::parse(broken).is_none(), "{broken}");
        }
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", secret()), "TeamSecret(..)");
    }
}
