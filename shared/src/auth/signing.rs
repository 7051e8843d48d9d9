//! The keys that sign access tokens, and their public halves. Only the exchange holds a [`Signer`].

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use super::access_token::{Claims, LEEWAY_SECONDS, TYPE};
use super::ed25519::{self, PublicKey};
use crate::domain::{Error, Millis, Result, Seconds, SecretText};

/// The stored signing keys: a file on a developer's machine, a secret on AWS.
///
/// Shape: `{"seed": "<random text>", "retired": ["<random text>", …]}`. The key of `seed` signs once it has been
/// published for [`HEAD_START_SECONDS`]; until then the first of `retired` signs. A seed is any text with at least 256
/// bits of randomness.
#[derive(Serialize, Deserialize)]
pub struct SigningKeyFile {
    seed: Zeroizing<String>,
    #[serde(default)]
    retired: Vec<Zeroizing<String>>,
}

impl SigningKeyFile {
    /// The minimum length of a seed in characters: 43 base64 or base62 characters hold 256 bits.
    const MIN_SEED_CHARS: usize = 43;

    pub fn new(seed: String) -> Self {
        Self { seed: Zeroizing::new(seed), retired: Vec::new() }
    }

    pub fn parse(text: &str) -> Result<Self> {
        let shape = || Error::bug("the signing keys are malformed");
        // Parsed as a map first, because serde would accept an array for the struct.
        let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|_| shape())?;
        let file: Self = serde_json::from_value(Value::Object(object)).map_err(|_| shape())?;
        if file.retired.iter().chain([&file.seed]).any(|seed| seed.len() < Self::MIN_SEED_CHARS) {
            return Err(Error::bug("a signing key's seed is too short"));
        }
        Ok(file)
    }

    /// The successor of this file: a new key, and the current one to sign until the new one may.
    #[must_use]
    pub fn succeeded_by(&self, seed: String) -> Self {
        Self { seed: Zeroizing::new(seed), retired: vec![self.seed.clone()] }
    }

    pub fn to_text(&self) -> Result<SecretText> {
        let text = serde_json::to_string(self).map_err(|error| Error::internal("writing signing keys", error))?;
        Ok(SecretText::new(text))
    }

    /// Appends a retired key.
    #[must_use]
    pub fn with_verifying_seed(mut self, seed: String) -> Self {
        self.retired.push(Zeroizing::new(seed));
        self
    }
}

/// How many seconds a key is published before it signs: external verifiers may cache the key set for a minute, our own
/// reload it at most every ten seconds, and clocks differ by up to [`LEEWAY_SECONDS`].
pub const HEAD_START_SECONDS: i64 = 60 + 10 + LEEWAY_SECONDS;

pub struct Signer {
    active: SigningKey,
    /// Signs until the active key may.
    previous: Option<SigningKey>,
    active_from: Seconds,
    public: Vec<PublicKey>,
    issuer: String,
}

struct SigningKey {
    key: EncodingKey,
    kid: String,
}

impl Signer {
    /// Derives the keys. The active one may sign immediately.
    pub fn new(file: &SigningKeyFile, issuer: String) -> Result<Self> {
        ed25519::install();
        let seeds = std::iter::once(&file.seed).chain(&file.retired);
        let public = seeds.map(|text| public_key(&derive(text))).collect::<Result<_>>()?;
        let previous = file.retired.first().map(|text| SigningKey::of(text)).transpose()?;
        let active_from = Seconds(i64::MIN);
        Ok(Self { active: SigningKey::of(&file.seed)?, previous, active_from, public, issuer })
    }

    /// As this signer, but the previous key signs until the active one has been published for [`HEAD_START_SECONDS`].
    #[must_use]
    pub fn with_active_key_published(self, since: Millis) -> Self {
        Self { active_from: since.seconds().plus(HEAD_START_SECONDS), ..self }
    }

    /// The value of `iss` in the claims.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn active_key(&self) -> Option<&PublicKey> {
        self.public.first()
    }

    /// The keys that verifiers need, the active one first.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.public
    }

    /// The compact serialization of a signed token.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let previous = self.previous.as_ref().filter(|_| claims.iat < self.active_from);
        let SigningKey { key, kid } = previous.unwrap_or(&self.active);
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some(kid.clone());
        jsonwebtoken::encode(&header, claims, key).map_err(|error| Error::internal("signing a token", error))
    }
}

impl SigningKey {
    fn of(text: &str) -> Result<Self> {
        let seed = derive(text);
        Ok(Self { key: EncodingKey::from_ed_der(seed.as_slice()), kid: public_key(&seed)?.kid })
    }
}

/// Derives a 32-byte Ed25519 seed from a text of any length. A hash is sufficient because the text is uniformly random.
fn derive(text: &str) -> Zeroizing<[u8; 32]> {
    let mut seed = Zeroizing::new([0; 32]);
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"terrapi signing key v1\0");
    context.update(text.as_bytes());
    seed.copy_from_slice(context.finish().as_ref());
    seed
}

fn public_key(seed: &[u8; 32]) -> Result<PublicKey> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::bug("deriving a signing key"))?;
    let bytes = pair.public_key().as_ref().try_into().map_err(|_| Error::bug("deriving a public key"))?;
    Ok(PublicKey::new(bytes))
}
