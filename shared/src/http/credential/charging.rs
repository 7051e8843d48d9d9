//! Who pays for a request.
//!
//! | what became of its credential | who is charged |
//! |---|---|
//! | a good access token; a key or a team's token that is exchanged for one | the key, or the team's token |
//! | a good session | the session |
//! | anything good, where organizations are managed | the person, the team or the organization |
//! | there is none, or it is refused | the network that the request came from |
//! | a wrong or expired secret | the same, and the network and the key together ([`SecretAttempt`]) |
//! | it could not be judged: storage is away, or somebody is over a budget already | nobody |

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

/// Authenticates a request, and charges whoever `payer` names, or its network when the credential is refused.
///
/// # Errors
/// The authentication's own, unless the budget is used up.
pub async fn charged<T>(
    parts: &Parts,
    app: &App,
    payer: impl FnOnce(&T) -> RateLimitKey,
    authentication: impl Future<Output = Result<T>>,
) -> Result<T> {
    let outcome = authentication.await;
    let key = match &outcome {
        Ok(proven) => payer(proven),
        // A good session is refused when another site's page sent the cookie along.
        Err(Error::Unauthenticated { .. } | Error::Forbidden { .. }) => RateLimitKey::Anonymous(network(parts)),
        Err(_) => return outcome,
    };
    charge(parts, app, key).await?;
    outcome
}

/// The budget of a caller's credential.
pub(in crate::http) fn credential_budget(verified: &Arc<Verified>) -> RateLimitKey {
    match verified.caller.credential {
        Credential::AccessToken(key) => RateLimitKey::Key(key),
        Credential::Session(session) => RateLimitKey::Session(session),
    }
}

/// Where a request came from, as the gateway saw it.
pub(super) fn network(parts: &Parts) -> Network {
    Network::of(parts.extensions.get::<ClientInfo>().and_then(|client| client.source_ip.as_deref()))
}

/// Anybody, charged to the network they come from: for a route that writes and asks for no credential. Its description
/// names 429.
pub struct AnonymousRateLimit;

impl FromRequestParts<App> for AnonymousRateLimit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        charge(parts, app, RateLimitKey::Anonymous(network(parts))).await?;
        Ok(Self)
    }
}

/// A request that presents a secret, before and after it is compared with the one that is stored.
pub struct SecretAttempt<'a> {
    parts: &'a Parts,
    app: &'a App,
    /// The key or token that the secret is for.
    key: KeyId,
    /// SHA-256 of the secret.
    hash: [u8; 32],
    /// What the audit trail calls it when it is refused.
    action: AuditAction,
}

impl<'a> SecretAttempt<'a> {
    /// Begins an attempt. `payer` is charged for a right secret, if that is known already.
    ///
    /// # Errors
    /// Over the rate, without a read: the network sent too many wrong secrets for this key; or the payer of a secret that
    /// proved right here before is over its budget; or, for any other secret, the network is over that of the anonymous.
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

    /// The secret is right: this network may present it while others there are over their budget.
    pub fn succeeded(&self) {
        self.app.limits.remember_proven(self.key, self.hash);
    }

    /// The secret is wrong, has expired, or is for an id that is nobody's. The caller cannot tell which. It counts as a
    /// wrong secret, and is audited when the id is somebody's.
    pub async fn failed(&self, owner: Option<UserId>) -> Error {
        if let Some(owner) = owner {
            self.audit(owner);
        }
        let charged = charge(self.parts, self.app, RateLimitKey::FailedSecret(self.key, network(self.parts))).await;
        charged.err().unwrap_or_else(Error::unauthenticated)
    }

    /// The secret is right, and its owner may not use it. The answer is the same, and nothing is counted.
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

// draft-ietf-httpapi-ratelimit-headers-06: the last form with a field for each figure, and the one that clients read.
pub(in crate::http) const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(in crate::http) const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
pub(in crate::http) const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// How the sender of a request stands, once somebody has charged it. A request extension.
#[derive(Clone, Default)]
struct Meter(Arc<OnceLock<RateLimitStatus>>);

/// Tells a limited caller how it stands, whatever the answer.
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

/// Takes a request out of a subject's budget.
///
/// # Errors
/// The budget is used up.
async fn charge(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.spend(subject).await.map_or(Ok(()), |decision| judged(parts, decision))
}

/// Refuses a subject that is known to be over, at no cost.
///
/// # Errors
/// The budget is used up.
pub(super) fn refuse_limited(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.limits.refusal(&*app.clock, subject).map_or(Ok(()), |decision| judged(parts, decision))
}

fn judged(parts: &Parts, decision: RateLimitDecision) -> Result<()> {
    // The first budget that a request is charged to is the one that its answer tells of.
    if let Some(Meter(meter)) = parts.extensions.get() {
        meter.get_or_init(|| decision.status);
    }
    decision.retry_after_seconds.map_or(Ok(()), |retry_after_seconds| Err(Error::RateLimited { retry_after_seconds }))
}
