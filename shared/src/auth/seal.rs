//! Encryption of data that must not be readable where it is kept: the tokens that providers issue for people, which are
//! stored, and cursors of `iter`, which callers hold.
//!
//! Shape of a sealed text: the id of the key (8 bytes), a nonce (12), and the ciphertext with its tag (AES-256-GCM, RFC
//! 5116). The key id makes rotation possible: a retired key opens texts until none is sealed under it. The associated
//! data names where a text belongs (for example its row), so it cannot be opened anywhere else.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::domain::{Error, Result, SecretText};

const ID_BYTES: usize = 8;
/// Separates these keys from others that may be derived from the same seed.
const SALT: &[u8] = b"terrapi sealed tokens";

struct SealingKey {
    id: [u8; ID_BYTES],
    key: LessSafeKey,
}

/// The first key seals; all of them open.
pub struct SealingKeys(Vec<SealingKey>);

struct IdLength;

impl KeyType for IdLength {
    fn len(&self) -> usize {
        ID_BYTES
    }
}

impl SealingKey {
    fn derive(seed: &SecretText) -> Result<Self> {
        let failed = |_| Error::bug("a sealing key could not be derived");
        let root = Salt::new(HKDF_SHA256, SALT).extract(seed.reveal().as_bytes());
        let mut id = [0; ID_BYTES];
        root.expand(&[b"id"], IdLength).and_then(|okm| okm.fill(&mut id)).map_err(failed)?;
        let key = root.expand(&[b"key"], &AES_256_GCM).map(UnboundKey::from).map_err(failed)?;
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

impl SealingKeys {
    /// The minimum length of a seed in characters: 43 base64 or base62 characters hold 256 bits.
    const MIN_SEED_CHARS: usize = 43;

    /// Derives the keys from random texts: one that seals, and retired ones that only open.
    ///
    /// # Errors
    /// Internal if a seed is too short.
    pub fn new<'a>(seed: &'a SecretText, retired: impl IntoIterator<Item = &'a SecretText>) -> Result<Self> {
        let keys = std::iter::once(seed).chain(retired).map(|seed| {
            if seed.reveal().len() < Self::MIN_SEED_CHARS {
                return Err(Error::bug("a sealing key's seed is too short"));
            }
            SealingKey::derive(seed)
        });
        keys.collect::<Result<_>>().map(Self)
    }

    /// Encrypts a text, with `bound_to` as associated data. `nonce` is random; 96 bits are enough for billions of texts
    /// under one key.
    pub fn seal(&self, plain: &[u8], bound_to: &str, nonce: [u8; NONCE_LEN]) -> Result<Vec<u8>> {
        let SealingKey { id, key } = self.0.first().ok_or(Error::bug("no sealing key is configured"))?;
        let mut text = Zeroizing::new(plain.to_vec());
        let aad = Aad::from(bound_to.as_bytes());
        let tag = key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text);
        let tag = tag.map_err(|_| Error::bug("sealing failed"))?;
        Ok([id, &nonce[..], &text, tag.as_ref()].concat())
    }

    /// Decrypts a text. `None` if its key is unknown, the associated data differs, or the text was changed.
    pub fn open(&self, sealed: &[u8], bound_to: &str) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = sealed.split_first_chunk::<ID_BYTES>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_LEN>()?;
        let key = self.0.iter().find(|key| key.id == *id)?;
        let mut text = Zeroizing::new(rest.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = key.key.open_in_place(nonce, Aad::from(bound_to.as_bytes()), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(letter: &str) -> SecretText {
        SecretText::new(letter.repeat(43))
    }

    fn keys(seals: &str, retired: &[&str]) -> SealingKeys {
        let retired: Vec<_> = retired.iter().map(|letter| seed(letter)).collect();
        SealingKeys::new(&seed(seals), &retired).unwrap()
    }

    #[test]
    fn sealed_text_opens_only_for_its_bound_context() {
        let sealed = keys("a", &[]).seal(b"ghu_secret", "github#1", [3; 12]).unwrap();
        assert_eq!(keys("a", &[]).open(&sealed, "github#1").unwrap().as_slice(), b"ghu_secret");
        assert!(keys("a", &[]).open(&sealed, "github#2").is_none());
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
    }

    #[test]
    fn replaced_key_opens_while_it_is_kept() {
        let sealed = keys("a", &[]).seal(b"text", "x", [3; 12]).unwrap();
        let (next, forgot) = (keys("b", &["a"]), keys("b", &[]));
        assert!(next.open(&sealed, "x").is_some() && forgot.open(&sealed, "x").is_none());
        let again = next.seal(b"text", "x", [4; 12]).unwrap();
        assert!(forgot.open(&again, "x").is_some());
    }

    #[test]
    fn changed_or_missing_bytes_are_rejected() {
        let keys = keys("a", &[]);
        let sealed = keys.seal(b"text", "x", [3; 12]).unwrap();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(keys.open(&changed, "x").is_none(), "byte {at}");
            assert!(keys.open(&sealed[..at], "x").is_none(), "{at} bytes");
        }
    }

    #[test]
    fn short_seed_is_refused() {
        assert!(SealingKeys::new(&SecretText::new("short".into()), []).is_err());
    }
}
