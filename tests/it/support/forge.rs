//! Tokens of any form, signed by the key that test services trust or by an unknown key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use terrapi::domain::{Capability, UserId};

use super::service::{SEED, START, signer};

pub struct Forge {
    pair: Ed25519KeyPair,
    pub kid: String,
    pub public: [u8; 32],
}

impl Forge {
    /// Signs with the key that every test service trusts.
    pub fn trusted() -> Self {
        let forge = Self::of(SEED);
        assert_eq!(forge.kid, signer().public_keys()[0].kid);
        forge
    }

    /// Signs with an unknown key.
    pub fn unknown() -> Self {
        Self::of("some-other-signing-key-0123456789-abcdefghijkl")
    }

    /// Derives the key from a seed as the service does.
    fn of(seed: &str) -> Self {
        let seed = digest(&SHA256, [b"terrapi signing key v1\0", seed.as_bytes()].concat().as_slice());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
        let public: [u8; 32] = pair.public_key().as_ref().try_into().unwrap();
        let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
        Self { pair, kid: URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes())), public }
    }

    /// The header of a valid token.
    pub fn header(&self) -> Value {
        json!({"typ": "at+jwt", "alg": "EdDSA", "kid": self.kid})
    }

    /// The compact serialization of these texts, which need not be JSON.
    pub fn sign(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.pair.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token with these claims and a valid header.
    pub fn token(&self, claims: &Value) -> String {
        self.sign(&self.header().to_string(), &claims.to_string())
    }
}

/// The claims of a valid token, issued at `START`.
pub fn claims(user: UserId, capabilities: &[Capability]) -> Value {
    let now = START.seconds().0;
    json!({
        "iss": "terrapi", "aud": "terrapi", "sub": user, "iat": now, "exp": now + 60,
        "jti": "0190a5d0-ac96-774b-bcce-b302099a8057", "capabilities": capabilities,
        "key_id": "0190a5d0-ac96-774b-bcce-b302099a8058",
    })
}
