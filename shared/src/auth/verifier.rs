//! Verifies access tokens with public keys.

use std::collections::HashMap;
use std::sync::RwLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::access_token::{AUDIENCE, Claims, TYPE};
use super::ed25519;
use super::signing::PublicKey;
use crate::domain::Seconds;

/// Longer tokens are refused without parsing, in bytes. Ours are far shorter.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The token is malformed, has expired, or is otherwise invalid.
    Invalid,
    /// The token names an unknown key. Reloading the published keys may find it.
    UnknownKey,
}

/// Public keys, and the rules for a valid token.
pub struct Verifier {
    keys: RwLock<HashMap<String, DecodingKey>>,
    validation: Validation,
}

/// The header. Unknown members are refused, among them embedded keys, URLs of keys, `crit`, `zip` and `b64`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

impl Verifier {
    /// A verifier of tokens from `issuer`, without keys.
    pub fn new(issuer: &str) -> Self {
        ed25519::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // `Claims::valid_at` checks the times with the injected clock.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self { keys: RwLock::default(), validation }
    }

    pub fn replace_keys(&self, keys: &[PublicKey]) {
        let fresh = keys.iter().map(|key| (key.kid.clone(), ed25519::decoding_key(&key.bytes))).collect();
        *self.keys.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
    }

    /// Returns the claims of a valid token.
    ///
    /// # Errors
    /// [`Refused::UnknownKey`] if the header is valid but its key is unknown, else [`Refused::Invalid`].
    pub fn verify(&self, token: &str, now: Seconds) -> Result<Claims, Refused> {
        let header = read_header(token).ok_or(Refused::Invalid)?;
        if header.alg != "EdDSA" || header.typ != TYPE {
            return Err(Refused::Invalid);
        }
        let keys = self.keys.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = keys.get(&header.kid).ok_or(Refused::UnknownKey)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| Refused::Invalid)?;
        if data.claims.valid_at(now) { Ok(data.claims) } else { Err(Refused::Invalid) }
    }
}

fn read_header(token: &str) -> Option<Header> {
    let (header, _) = token.split_once('.').filter(|_| token.len() <= MAX_TOKEN_BYTES)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::signing::{Signer, SigningKeyFile};
    use super::*;
    use crate::domain::{Capabilities, KeyId, UserId};

    fn signer() -> Signer {
        Signer::new(&SigningKeyFile::new("s".repeat(64)), "terrapi".into()).unwrap()
    }

    fn claims(now: i64) -> Claims {
        let (user, key) = (UserId::new(Uuid::from_u128(1)), KeyId::new(Uuid::from_u128(2)));
        Claims::new("terrapi", Seconds(now), Uuid::from_u128(3), user, key, Capabilities::default())
    }

    fn verifier(signer: &Signer) -> Verifier {
        let verifier = Verifier::new("terrapi");
        verifier.replace_keys(signer.public_keys());
        verifier
    }

    #[test]
    fn token_is_valid_for_a_minute_plus_five_seconds_leeway() {
        let signer = signer();
        let token = signer.sign(&claims(1000)).unwrap();
        let verifier = verifier(&signer);
        for (now, good) in [(994, false), (995, true), (1000, true), (1060, true), (1064, true), (1065, false)] {
            assert_eq!(verifier.verify(&token, Seconds(now)).is_ok(), good, "at {now}");
        }
    }

    #[test]
    fn wrong_lifetime_issuer_or_audience_is_refused() {
        let signer = signer();
        let verifier = verifier(&signer);
        let broken = [
            Claims { exp: Seconds(1061), ..claims(1000) },
            Claims { exp: Seconds(1000), ..claims(1000) },
            Claims { iss: "other".into(), ..claims(1000) },
            Claims { aud: "other".into(), ..claims(1000) },
            Claims { nbf: Some(Seconds(1006)), ..claims(1000) },
        ];
        for claims in broken {
            assert_eq!(verifier.verify(&signer.sign(&claims).unwrap(), Seconds(1000)).unwrap_err(), Refused::Invalid);
        }
    }

    #[test]
    fn unknown_key_is_reported_and_a_retired_one_verifies() {
        let old = signer();
        let token = old.sign(&claims(1000)).unwrap();
        let file = SigningKeyFile::new("n".repeat(64));
        let new = Signer::new(&file, "terrapi".into()).unwrap();
        assert_eq!(verifier(&new).verify(&token, Seconds(1000)).unwrap_err(), Refused::UnknownKey);
        let both = Signer::new(&file.with_verifying_seed("s".repeat(64)), "terrapi".into()).unwrap();
        assert!(verifier(&both).verify(&token, Seconds(1000)).is_ok());
    }
}
