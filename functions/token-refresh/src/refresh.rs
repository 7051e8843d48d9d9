//! Exchanges an API key, or a team's token, for an access token.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use terrapi::auth::{Claims, LIFETIME_SECONDS};
use terrapi::domain::{Capabilities, Capability, Code, Error, RequestedCapabilities, Result};
use terrapi::http::{ApiError, ErrorBody, NoStore, OptionalJsonBody};
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

use crate::exchange_credential::ExchangeCredential;

/// What an exchange may ask for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"capabilities": ["kv_store_read"]}))]
pub struct RefreshRequest {
    /// A subset of the key's or the team's own, for a narrower token.
    #[schema(value_type = Option<Vec<Capability>>, max_items = 32)]
    capabilities: Option<RequestedCapabilities>,
    /// Whether the token opens the administrators' routes, if the key does. A token with the key's own capabilities does
    /// unless this is `false`, a narrower one only when this is `true`.
    administration: Option<bool>,
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

/// Exchange an API key or a team token for an access token
///
/// The key, or the team's token, is the bearer credential. The access token lives for 60 seconds and holds what the key
/// or the team holds.
#[utoipa::path(post, path = "/api/v1/access-token/refresh", tag = "tokens", security(("api_key" = []), ("team_token" = [])),
    request_body = Option<RefreshRequest>,
    responses((status = 200, body = TokenGrant), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn exchange_api_key(
    State(app): State<App>,
    Extension(signing): Extension<Arc<Signing>>,
    credential: ExchangeCredential,
    OptionalJsonBody(body): OptionalJsonBody<RefreshRequest>,
) -> Result<NoStore<Json<TokenGrant>>, ApiError> {
    let body = body.unwrap_or_default();
    let administration = administers(&credential, &body)?;
    let capabilities = narrowed(&credential.capabilities, body.capabilities)?;
    let (signer, now) = (signing.signer(&app).await, app.clock.now().seconds());
    let claims = Claims::new(signer.issuer(), now, app.random.id()?, credential.user, credential.id, capabilities);
    let token = signer.sign(&claims.with_administration(administration))?;
    credential.note_exchange(&app);
    let access_token = token.clone();
    Ok(NoStore(Json(TokenGrant { token, access_token, token_type: "Bearer", expires_in: LIFETIME_SECONDS })))
}

fn administers(credential: &ExchangeCredential, body: &RefreshRequest) -> Result<bool> {
    match body.administration {
        Some(true) if !credential.administration => {
            Err(Error::invalid_because(Code::CapabilityNotHeld, "administration"))
        }
        Some(asked) => Ok(asked),
        None => Ok(credential.administration && body.capabilities.is_none()),
    }
}

fn narrowed(held: &Capabilities, requested: Option<RequestedCapabilities>) -> Result<Capabilities> {
    let Some(requested) = requested else { return Ok(held.clone()) };
    let narrowed = held.narrowed_to(&requested.read()?);
    narrowed.map_err(|refused| Error::invalid_because(Code::CapabilityNotHeld, refused.names()))
}
