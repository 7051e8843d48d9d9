//! Decides whose rate limit a request counts against.
//!
//! | credential | counted against |
//! |---|---|
//! | a valid access token; a key or team token in an exchange | the key, or the team token |
//! | a valid session | the session |
//! | any valid credential under `/api/v2` | the person, team or organization |
//! | no credential, or a refused one | the network of the client |
//! | a wrong or expired secret | the network, and the network and key together ([`SecretAttempt`]) |
//! | unknown: storage is unavailable, or a limit is already exceeded | nothing |

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;

use super::super::error::ApiError;
use super::super::event::ClientInfo;
use crate::auth::Verified;
use crate::domain::rate::{Network, RateLimitKey, RateLimitStatus};
use crate::domain::{AuditAction, AuditOutcome, Credential, Error, KeyId, Result, UserId};
use crate::runtime::{App, RateLimitDecision};

/// Authenticates a request and counts it against the limit that `payer` names, or the network's if the credential is
/// refused.
///
/// # Errors
/// Rate limited if the limit is exceeded; otherwise the error of the authentication.
pub async fn charged<T>(
    parts: &Parts,
    app: &App,
    payer: impl FnOnce(&T) -> RateLimitKey,
    authentication: impl Future<Output = Result<T>>,
) -> Result<T> {
    let outcome = authentication.await;
    let key = match &outcome {
        Ok(proven) => payer(proven),
        // A valid session is forbidden if a page of another site sent its cookie.
        Err(Error::Unauthenticated { .. } | Error::Forbidden { .. }) => RateLimitKey::Anonymous(network(parts)),
        Err(_) => return outcome,
    };
    charge(parts, app, key).await?;
    outcome
}

/// The rate limit key of a caller's credential.
pub(in crate::http) fn credential_budget(verified: &Arc<Verified>) -> RateLimitKey {
    match verified.caller.credential {
        Credential::AccessToken(key) => RateLimitKey::Key(key),
        Credential::Session(session) => RateLimitKey::Session(session),
    }
}

/// The network of the client, from the address that the gateway saw.
pub(super) fn network(parts: &Parts) -> Network {
    Network::of(parts.extensions.get::<ClientInfo>().and_then(|client| client.source_ip.as_deref()))
}

/// Counts a request against its network, for a route that writes without a credential. The description of such a route
/// names status 429.
pub struct AnonymousRateLimit;

impl FromRequestParts<App> for AnonymousRateLimit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        charge(parts, app, RateLimitKey::Anonymous(network(parts))).await?;
        Ok(Self)
    }
}

/// A request that presents a secret, before and after the secret is compared with the stored one.
pub struct SecretAttempt<'a> {
    parts: &'a Parts,
    app: &'a App,
    /// The key or token to which the secret belongs.
    key: KeyId,
    /// SHA-256 of the secret.
    hash: [u8; 32],
    /// The action in the audit entry if the secret is refused.
    action: AuditAction,
}

impl<'a> SecretAttempt<'a> {
    /// Begins an attempt. `payer` is the limit that the request counts against if the secret is right, if that is
    /// known.
    ///
    /// # Errors
    /// Rate limited, without a read, if
    /// * the network has sent too many wrong secrets for this key;
    /// * this process knows that the secret is right, and `payer` is over its limit;
    /// * this process does not know the secret, and the network is over its limit.
    pub fn begin(
        (parts, app): (&'a Parts, &'a App),
        (key, hash): (KeyId, [u8; 32]),
        action: AuditAction,
        payer: Option<RateLimitKey>,
    ) -> Result<Self> {
        let network = network(parts);
        refuse_limited(parts, app, RateLimitKey::FailedSecret(key, network))?;
        let payer = if app.limits.proven(key, hash) { payer } else { Some(RateLimitKey::Anonymous(network)) };
        if let Some(payer) = payer {
            refuse_limited(parts, app, payer)?;
        }
        Ok(Self { parts, app, key, hash, action })
    }

    /// Records that the secret is right. It is then accepted even while its network is over the limit.
    pub fn succeeded(&self) {
        self.app.limits.remember_proven(self.key, self.hash);
    }

    /// The error for a wrong or expired secret or an unknown id. They have the same answer and count as a wrong secret.
    /// If the id exists, an audit entry is written for its `owner`.
    pub async fn failed(&self, owner: Option<UserId>) -> Error {
        if let Some(owner) = owner {
            self.audit(owner);
        }
        let charged = charge(self.parts, self.app, RateLimitKey::FailedSecret(self.key, network(self.parts))).await;
        charged.err().unwrap_or_else(Error::unauthenticated)
    }

    /// The error for a right secret that its owner may not use. The answer is the same, but it does not count as wrong.
    pub fn refused(&self, owner: UserId) -> Error {
        self.audit(owner);
        Error::unauthenticated()
    }

    fn audit(&self, owner: UserId) {
        let refused = (self.action, AuditOutcome::Refused);
        let entry = ClientInfo::of(self.parts).audited(self.app.clock.now(), refused, owner, Some(self.key));
        self.app.audit_beside(entry);
    }
}

// draft-ietf-httpapi-ratelimit-headers-06, the last version with one field for each number. Clients read these.
pub(in crate::http) const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(in crate::http) const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
pub(in crate::http) const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The rate limit status of the request, once it has been counted. A request extension.
#[derive(Clone, Default)]
struct Meter(Arc<OnceLock<RateLimitStatus>>);

/// Adds the rate limit status to the answer of every request that was counted.
pub(in crate::http) async fn rate_fields(mut request: Request, next: Next) -> Response {
    let meter = Meter::default();
    request.extensions_mut().insert(meter.clone());
    let mut response = next.run(request).await;
    if let Some(status) = meter.0.get() {
        let fields = [(LIMIT, status.limit), (REMAINING, status.remaining), (RESET, status.reset_seconds)];
        response.headers_mut().extend(fields.map(|(name, figure)| (name, HeaderValue::from(figure))));
    }
    response
}

/// Counts a request against a limit.
///
/// # Errors
/// The limit is exceeded.
async fn charge(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.spend(subject).await.map_or(Ok(()), |decision| judged(parts, decision))
}

/// Counts nothing.
///
/// # Errors
/// The limit is known to be exceeded.
pub(super) fn refuse_limited(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.limits.refusal(&*app.clock, subject).map_or(Ok(()), |decision| judged(parts, decision))
}

fn judged(parts: &Parts, decision: RateLimitDecision) -> Result<()> {
    // The answer reports the first limit that the request was counted against.
    if let Some(Meter(meter)) = parts.extensions.get() {
        meter.get_or_init(|| decision.status);
    }
    decision.retry_after_seconds.map_or(Ok(()), |retry_after_seconds| Err(Error::RateLimited { retry_after_seconds }))
}
