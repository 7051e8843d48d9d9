//! Access tokens: JWTs (RFC 9068) that are valid for one minute.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Caller, Capabilities, Credential, KeyId, Seconds, UserId};

/// The value of `aud`, and the default of `iss`.
pub const AUDIENCE: &str = "terrapi";
/// How many seconds a token is valid.
pub const LIFETIME_SECONDS: i64 = 60;
/// By how many seconds two clocks may differ. No check allows more.
pub const LEEWAY_SECONDS: i64 = 5;
/// The value of `typ` (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";

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
