//! Rate limits at the edge: who is charged for a request, and what the answer says about it.

use std::sync::{Arc, OnceLock};

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;

use super::error::ApiError;
use super::event::ClientInfo;
use crate::auth::Verified;
use crate::domain::rate::{Network, RateLimitKey, RateLimitStatus};
use crate::domain::{Credential, Error, Result};
use crate::runtime::{App, RateLimitDecision};

// draft-ietf-httpapi-ratelimit-headers-06: the last form with a field for each figure, and the one that clients read.
pub(super) const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(super) const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
pub(super) const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// How the sender of a request stands, once somebody has charged it. A request extension.
#[derive(Clone, Default)]
struct Meter(Arc<OnceLock<RateLimitStatus>>);

/// Tells a limited caller how it stands, whatever the answer.
pub(super) async fn rate_fields(mut request: Request, next: Next) -> Response {
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
pub async fn charge(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.spend(subject).await.map_or(Ok(()), |spent| judged(parts, spent))
}

/// Refuses a subject that is known to be over, at no cost.
///
/// # Errors
/// The budget is used up.
pub fn refuse_limited(parts: &Parts, app: &App, subject: RateLimitKey) -> Result<()> {
    app.limits.refusal(&*app.clock, subject).map_or(Ok(()), |spent| judged(parts, spent))
}

fn judged(parts: &Parts, spent: RateLimitDecision) -> Result<()> {
    // The first budget that a request is charged to is the one that its answer tells of.
    if let Some(Meter(meter)) = parts.extensions.get() {
        meter.get_or_init(|| spent.status);
    }
    spent.retry_after_seconds.map_or(Ok(()), |retry_after_seconds| Err(Error::RateLimited { retry_after_seconds }))
}

/// Where a request came from, as the gateway saw it.
pub fn network(parts: &Parts) -> Network {
    Network::of(parts.extensions.get::<ClientInfo>().and_then(|client| client.source_ip.as_deref()))
}

/// Anybody, charged to the place they come from: for a route that writes and asks for no credential. Its description
/// names 429.
pub struct AnonymousRateLimit;

impl FromRequestParts<App> for AnonymousRateLimit {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        charge(parts, app, RateLimitKey::Anonymous(network(parts))).await?;
        Ok(Self)
    }
}

/// Charges the caller, or for a credential that is none the place where it came from.
///
/// # Errors
/// The authentication's own, unless the budget is used up.
pub(super) async fn charged(parts: &Parts, app: &App, outcome: Result<Arc<Verified>>) -> Result<Arc<Verified>> {
    let subject = match &outcome {
        Ok(verified) => match verified.caller.credential {
            Credential::AccessToken(key) => RateLimitKey::Key(key),
            Credential::Session(session) => RateLimitKey::Session(session),
        },
        // Not a stranger, but nobody who may use the credential here: another site's page sent the cookie along.
        Err(Error::Unauthenticated { .. } | Error::Forbidden { .. }) => RateLimitKey::Anonymous(network(parts)),
        Err(_) => return outcome,
    };
    charge(parts, app, subject).await?;
    outcome
}
