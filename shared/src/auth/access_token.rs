//! Access tokens: JWTs (RFC 9068) that are valid for one minute, and a cache of those that were verified. Verifying a
//! signature takes as long as a storage read, and clients use one token for most of its minute.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use ring::digest;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ed25519::{self, PublicKey};
use crate::domain::{Caller, Capabilities, Credential, KeyId, Namespace, Seconds, UserId};

/// The value of `aud`, and the default of `iss`.
pub const AUDIENCE: &str = "terrapi";
/// How many seconds a token is valid.
pub const LIFETIME_SECONDS: i64 = 60;
/// By how many seconds two clocks may differ. No check allows more.
pub const LEEWAY_SECONDS: i64 = 5;
/// The value of `typ` (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";
/// Longer tokens are refused without parsing, in bytes. Ours are far shorter.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How many tokens the cache holds.
const MAX_TOKENS: usize = 1_000;

/// The claims of an access token.
///
/// Shape: `{"iss","aud","sub","iat","exp","jti","capabilities","key_id","administration"?}`; times are integers in
/// seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// The owner of the API key.
    pub sub: UserId,
    pub iat: Seconds,
    pub exp: Seconds,
    /// Never set by this service, but respected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
    pub jti: Uuid,
    pub capabilities: Capabilities,
    /// The API key that was exchanged for this token.
    pub key_id: KeyId,
    /// Whether the token opens the administrators' routes if its owner is an administrator. Absent means `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub administration: bool,
}

impl Claims {
    /// The claims of a token that is issued at `now`.
    pub fn new(issuer: &str, now: Seconds, jti: Uuid, user: UserId, key: KeyId, capabilities: Capabilities) -> Self {
        let exp = now.plus(LIFETIME_SECONDS);
        Self {
            iss: issuer.into(),
            aud: AUDIENCE.into(),
            sub: user,
            iat: now,
            exp,
            nbf: None,
            jti,
            capabilities,
            key_id: key,
            administration: false,
        }
    }

    /// Sets whether the token opens the administrators' routes.
    #[must_use]
    pub fn with_administration(self, administration: bool) -> Self {
        Self { administration, ..self }
    }

    /// Whether the token is valid at `now`: issued, not expired, and with a lifetime of at most a minute. Allows
    /// [`LEEWAY_SECONDS`].
    pub fn valid_at(&self, now: Seconds) -> bool {
        let life = self.exp.0.saturating_sub(self.iat.0);
        let begun = self.nbf.unwrap_or(self.iat).max(self.iat) <= now.plus(LEEWAY_SECONDS);
        begun && now < self.exp.plus(LEEWAY_SECONDS) && (1..=LIFETIME_SECONDS).contains(&life)
    }

    pub fn into_caller(self) -> Caller {
        Caller {
            user: self.sub,
            credential: Credential::AccessToken(self.key_id),
            capabilities: self.capabilities,
            administration: self.administration,
        }
    }
}

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
        let fresh = keys.iter().map(|key| (key.kid.clone(), key.decoding_key())).collect();
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = fresh;
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
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.get(&header.kid).ok_or(Refused::UnknownKey)?;
        let data = jsonwebtoken::decode::<Claims>(token, key, &self.validation).map_err(|_| Refused::Invalid)?;
        if data.claims.valid_at(now) { Ok(data.claims) } else { Err(Refused::Invalid) }
    }
}

fn read_header(token: &str) -> Option<Header> {
    let (header, _) = token.split_once('.').filter(|_| token.len() <= MAX_TOKEN_BYTES)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()
}

/// A verified credential, and the installations in which the membership of its owner has been confirmed since.
pub struct Verified {
    pub caller: Caller,
    memberships: Mutex<HashSet<Namespace>>,
}

impl Verified {
    pub fn new(caller: Caller) -> Self {
        Self { caller, memberships: Mutex::default() }
    }

    /// Whether [`Self::remember_member_of`] was called for this installation.
    pub fn member_of(&self, namespace: Namespace) -> bool {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).contains(&namespace)
    }

    /// Remembers a confirmed membership as long as this value exists: one minute for a token, one request for a
    /// session.
    pub fn remember_member_of(&self, namespace: Namespace) {
        self.memberships.lock().unwrap_or_else(PoisonError::into_inner).insert(namespace);
    }
}

/// The claims of a token, and the result of their verification.
type Entry = (Claims, Arc<Verified>);

/// The cache, by the SHA-256 of the whole token.
#[derive(Default)]
pub struct VerifiedTokens(Mutex<HashMap<[u8; 32], Entry>>);

impl VerifiedTokens {
    /// The entry of a token that was verified before and is still valid.
    pub fn find(&self, token: &str, now: Seconds) -> Option<Arc<Verified>> {
        let tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, verified) = tokens.get(&hash(token)).filter(|(claims, _)| claims.valid_at(now))?;
        Some(Arc::clone(verified))
    }

    /// Adds a verified token. A full cache drops the expired tokens, and all of them if none has expired.
    pub fn insert(&self, token: &str, claims: Claims, now: Seconds) -> Arc<Verified> {
        let verified = Arc::new(Verified::new(claims.clone().into_caller()));
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MAX_TOKENS {
            tokens.retain(|_, (claims, _)| claims.valid_at(now));
        }
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(hash(token), (claims, Arc::clone(&verified)));
        verified
    }
}

fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
#[path = "access_token_tests.rs"]
mod tests;
