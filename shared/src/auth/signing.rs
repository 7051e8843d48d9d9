//! The keys that sign tokens, and their public halves. Only the exchange function holds a [`Signer`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::digest;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::access_token::{Claims, TYPE};
use super::ed25519;
use crate::domain::{Error, Result};

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
/// Shape: `{"seed": "<random text>", "retired": ["<random text>", …]}`. The key of `seed` signs; those of `retired` only
/// verify, until their last token has expired. A seed is any text with at least 256 bits of randomness.
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
        let shape = || Error::corrupt("the signing keys are not of the expected shape");
        // Through a map: serde would take an array for the struct, too.
        let object: serde_json::Map<String, Value> = serde_json::from_str(text).map_err(|_| shape())?;
        let file: Self = serde_json::from_value(Value::Object(object)).map_err(|_| shape())?;
        if file.retired.iter().chain([&file.seed]).any(|seed| seed.len() < Self::MIN_SEED_CHARS) {
            return Err(Error::corrupt("a signing key's seed is too short"));
        }
        Ok(file)
    }

    /// Appends a key that only verifies: one on its way out, or not yet in use.
    #[must_use]
    pub fn with_verifying_seed(mut self, seed: String) -> Self {
        self.retired.push(Zeroizing::new(seed));
        self
    }
}

/// Signs access tokens.
pub struct Signer {
    key: EncodingKey,
    kid: String,
    public: Vec<PublicKey>,
    issuer: String,
}

impl Signer {
    /// Derives the keys once, before the first request.
    pub fn new(file: &SigningKeyFile, issuer: String) -> Result<Self> {
        ed25519::install();
        let seed = derive(&file.seed);
        let active = public_key(&seed)?;
        let retired = file.retired.iter().map(|text| public_key(&derive(text)));
        let public = std::iter::once(Ok(active.clone())).chain(retired).collect::<Result<_>>()?;
        Ok(Self { key: EncodingKey::from_ed_der(seed.as_slice()), kid: active.kid, public, issuer })
    }

    /// The issuer that claims must name.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The keys that verifiers need, the active one first.
    pub fn public_keys(&self) -> &[PublicKey] {
        &self.public
    }

    /// RFC 7517 §5.
    pub fn jwks(&self) -> Value {
        json!({"keys": self.public.iter().map(PublicKey::jwk).collect::<Vec<_>>()})
    }

    /// The compact form of `claims`.
    pub fn sign(&self, claims: &Claims) -> Result<String> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.into());
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.key).map_err(|error| Error::internal("signing a token", error))
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
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::corrupt("deriving a signing key"))?;
    let bytes = pair.public_key().as_ref().try_into().map_err(|_| Error::corrupt("deriving a public key"))?;
    Ok(PublicKey::new(bytes))
}
