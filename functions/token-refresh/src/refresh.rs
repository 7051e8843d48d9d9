//! Exchanges an API key for an access token.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::{Extension, Json};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use terrapi::auth::{ApiKey, Claims, LIFETIME_SECONDS};
use terrapi::domain::rate::Subject;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditOutcome, Capabilities, Capability, Code, Error, Result};
use terrapi::http::{ApiError, ClientInfo, ErrorBody, OptionalJsonBody, bearer, charge, network, refuse_limited};
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

/// What an exchange may ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"capabilities": ["kv_store_read"]}))]
pub struct RefreshRequest {
    /// A subset of the key's own, for a narrower token.
    capabilities: Option<Vec<Capability>>,
}

/// An access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIs…", "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIs…",
    "token_type": "Bearer", "expires_in": 60}))]
pub struct TokenGrant {
    /// The token.
    token: String,
    /// The token again: both names are published.
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
}

/// Exchange an API key for an access token
///
/// The key is the bearer credential. The token lives for 60 seconds.
#[utoipa::path(post, path = "/api/v1/access-token/refresh", tag = "tokens", security(("api_key" = [])),
    request_body = Option<RefreshRequest>,
    responses((status = 200, body = TokenGrant), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn exchange_api_key(
    State(app): State<App>,
    Extension(signing): Extension<Arc<Signing>>,
    presented: PresentedKey,
    OptionalJsonBody(body): OptionalJsonBody<RefreshRequest>,
) -> Result<Json<TokenGrant>, ApiError> {
    let PresentedKey { key, client } = presented;
    let capabilities = narrowed(&key, body.and_then(|body| body.capabilities))?;
    let (signer, now) = (signing.signer(&app).await, app.clock.now());
    let claims = Claims::new(signer.issuer(), now.seconds(), app.random.id()?, key.user, key.id, capabilities);
    let token = signer.sign(&claims)?;
    record(&app, &key, &client, AuditOutcome::Success);
    let store = app.store.clone();
    app.background.spawn(async move {
        if let Err(error) = store.touch_api_key(&key, now).await {
            tracing::warn!(%error, "a key's last use was not noted");
        }
    });
    Ok(Json(TokenGrant { access_token: token.clone(), token, token_type: "Bearer", expires_in: LIFETIME_SECONDS }))
}

fn narrowed(key: &ApiKeyRecord, requested: Option<Vec<Capability>>) -> Result<Capabilities> {
    let Some(requested) = requested else { return Ok(key.capabilities.clone()) };
    let requested = requested.into_iter().collect();
    key.capabilities
        .narrowed_to(&requested)
        .map_err(|refused| Error::invalid_because(Code::CapabilityNotHeld, refused.0.name()))
}

/// A key whose holder proved to have its secret.
pub struct PresentedKey {
    key: ApiKeyRecord,
    client: ClientInfo,
}

impl FromRequestParts<App> for PresentedKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        match prove(parts, app, &client).await {
            Ok(key) => {
                charge(parts, app, Subject::Key(key.id)).await?;
                Ok(Self { key, client })
            }
            Err(error @ Error::Unauthenticated { .. }) => {
                charge(parts, app, Subject::Stranger(network(parts))).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The key, if its secret was presented. A malformed key costs no read, and none is made for a place that is over its
/// budget. An unknown id, a wrong secret and an expired key look the same from outside, and are counted alike.
async fn prove(parts: &Parts, app: &App, client: &ClientInfo) -> Result<ApiKeyRecord> {
    let ApiKey { id, secret } = ApiKey::parse(bearer(&parts.headers)?).ok_or_else(Error::unauthenticated)?;
    let place = network(parts);
    refuse_limited(parts, app, Subject::Guesser(id, place))?;
    // Whoever proved the key here before is not one of the strangers from the same place, and may know its standing.
    let proven = app.limits.proven(id, secret.hash());
    refuse_limited(parts, app, if proven { Subject::Key(id) } else { Subject::Stranger(place) })?;
    let key = app.store.find_api_key(id).await?;
    let good = |key: &ApiKeyRecord| secret.matches(&key.secret_hash) && !key.expired(app.clock.now());
    match key {
        Some(key) if good(&key) => {
            app.limits.remember_proven(id, key.secret_hash);
            Ok(key)
        }
        other => {
            if let Some(key) = other {
                record(app, &key, client, AuditOutcome::Refused);
            }
            charge(parts, app, Subject::Guesser(id, place)).await?;
            Err(Error::unauthenticated())
        }
    }
}

fn record(app: &App, key: &ApiKeyRecord, client: &ClientInfo, outcome: AuditOutcome) {
    let done = (AuditAction::KeyRefreshed, outcome);
    app.audit_beside(client.clone().audited(app.clock.now(), done, key.user, Some(key.id)));
}
