//! Access tokens: RFC 9068 JWTs that live for a minute.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Caller, Capabilities, Credential, KeyId, Seconds, UserId};

/// `aud` and default `iss` of every token.
pub const AUDIENCE: &str = "terrapi";
/// How long a token lives, in seconds.
pub const LIFETIME_SECONDS: i64 = 60;
/// How far two clocks may be apart, in seconds. Nowhere more.
pub const LEEWAY_SECONDS: i64 = 5;
/// `typ` of every token (RFC 9068 §2.1).
pub const TYPE: &str = "at+jwt";

/// The claims of an access token.
///
/// Shape: `{"iss","aud","sub","iat","exp","jti","capabilities","key_id","administration"?}`; times are integers in
/// seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Audience: always [`AUDIENCE`].
    pub aud: String,
    /// The owner.
    pub sub: UserId,
    /// Signed at.
    pub iat: Seconds,
    /// Good until.
    pub exp: Seconds,
    /// Not before, which we never write but obey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Seconds>,
    /// Names this token.
    pub jti: Uuid,
    /// What it may do.
    pub capabilities: Capabilities,
    /// The API key it was bought with.
    pub key_id: KeyId,
    /// Whether it opens the administrators' routes to an administrator. Absent means `false`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub administration: bool,
}

impl Claims {
    /// The claims of a token signed now.
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

    /// The same claims of a token that opens the administrators' routes, or does not.
    #[must_use]
    pub fn with_administration(self, administration: bool) -> Self {
        Self { administration, ..self }
    }

    /// Whether the token is good at `now`: begun, not over, and of no more than a minute's life.
    pub fn good_at(&self, now: Seconds) -> bool {
        let life = self.exp.0.saturating_sub(self.iat.0);
        let begun = self.nbf.unwrap_or(self.iat).max(self.iat) <= now.plus(LEEWAY_SECONDS);
        begun && now < self.exp.plus(LEEWAY_SECONDS) && (1..=LIFETIME_SECONDS).contains(&life)
    }

    /// Who the token speaks for.
    pub fn into_caller(self) -> Caller {
        Caller {
            user: self.sub,
            credential: Credential::AccessToken(self.key_id),
            capabilities: self.capabilities,
            administration: self.administration,
        }
    }
}
