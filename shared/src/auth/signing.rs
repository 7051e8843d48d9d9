//! The keys that sign tokens, and their public halves. Only the exchange function holds a [`Signer`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::access_token::{Claims, LEEWAY_SECONDS, TYPE};
use super::ed25519;
use crate::domain::{Error, Millis, Result, Seconds, SecretText};

/// A public key: what verifiers hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// The key's name in token headers: its RFC 7638 thumbprint.
    pub kid: String,
    /// RFC 8032 encoding.
    pub bytes: [u8; 32],
}

impl PublicKey {
    fn new(bytes: [u8; 32]) -> Self {
        let x = URL_SAFE_NO_PAD.encode(bytes);
        // RFC 8037 §2, RFC 7638 §3: the required members in lexicographic order, no white space.
        let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        Self { kid, bytes }
    }

    /// The key as RFC 8037 writes it.
    pub fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.bytes);
        json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self.kid, "x": x})
    }
}

/// Where signing keys are kept, locally in a file and on AWS in a secret.
///
/// Shape: `{"seed": "<random text>", "retired": ["<random text>", …]}`. The key of `seed` signs, once it has been published
/// for long enough; until then the first of `retired` does. A seed is any text with at least 256 bits of randomness.
#[derive(Serialize, Deserialize)]
pub struct SigningKeyFile {
    seed: Zeroizing<String>,
    #[serde(default)]
    retired: Vec<Zeroizing<String>>,
}

impl SigningKeyFile {
    /// The shortest seed, in characters: 43 base64 or base62 characters hold 256 bits.
    const MIN_SEED_CHARS: usize = 43;

    /// A file with one key.
    pub fn new(seed: String) -> Self {
        Self { seed: Zeroizing::new(seed), retired: Vec::new() }
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self> {
        let shape = || Error::bug("the signing keys are not of the expected shape");
        // Through a map: serde would take an array for the struct, too.
        let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|_| shape())?;
        let file: Self = serde_json::from_value(Value::Object(object)).map_err(|_| shape())?;
        if file.retired.iter().chain([&file.seed]).any(|seed| seed.len() < Self::MIN_SEED_CHARS) {
            return Err(Error::bug("a signing key's seed is too short"));
        }
        Ok(file)
    }

    /// The file after this one: a new key, and this one's to sign until the new one may.
    #[must_use]
    pub fn succeeded_by(&self, seed: String) -> Self {
        Self { seed: Zeroizing::new(seed), retired: vec![self.seed.clone()] }
    }

    /// The file's text.
    pub fn to_text(&self) -> Result<SecretText> {
        let text = serde_json::to_string(self).map_err(|error| Error::internal("writing signing keys", error))?;
        Ok(SecretText::new(text))
    }

    /// Appends a key that no longer signs.
    #[must_use]
    pub fn with_verifying_seed(mut self, seed: String) -> Self {
        self.retired.push(Zeroizing::new(seed));
        self
    }
}

/// How long a key is published before it signs, in seconds: outside verifiers keep the key set for the minute that it
/// allows them, ours look again after ten seconds, and clocks are up to [`LEEWAY_SECONDS`] apart.
pub const HEAD_START_SECONDS: i64 = 60 + 10 + LEEWAY_SECONDS;

/// Signs access tokens.
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
    /// Derives the keys. The active one signs from now on.
    pub fn new(file: &SigningKeyFile, issuer: String) -> Result<Self> {
        ed25519::install();
        let seeds = std::iter::once(&file.seed).chain(&file.retired);
        let public = seeds.map(|text| public_key(&derive(text))).collect::<Result<_>>()?;
        let previous = file.retired.first().map(|text| SigningKey::of(text)).transpose()?;
        let active_from = Seconds(i64::MIN);
        Ok(Self { active: SigningKey::of(&file.seed)?, previous, active_from, public, issuer })
    }

    /// The same keys, of which the previous one, if there is one, signs until the active one has had its head start.
    #[must_use]
    pub fn with_active_key_published(self, since: Millis) -> Self {
        Self { active_from: since.seconds().plus(HEAD_START_SECONDS), ..self }
    }

    /// The issuer that claims must name.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The public half of the active key.
    pub fn active_key(&self) -> Option<&PublicKey> {
        self.public.first()
    }

    /// The keys that verifiers need, the active one first.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.public
    }

    /// The compact form of `claims`.
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

/// A 32-byte Ed25519 seed from text of any length. The text is uniformly random, so a hash is derivation enough.
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
