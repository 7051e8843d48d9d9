//! Exchanges an API key, or a team's token, for an access token.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use terrapi::auth::{Claims, LIFETIME_SECONDS};
use terrapi::domain::{Capabilities, Capability, CapabilityList, Code, Error, Result};
use terrapi::http::{ApiError, ErrorBody, OptionalJsonBody};
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

use crate::presented::Presented;

/// What an exchange may ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"capabilities": ["kv_store_read"]}))]
pub struct RefreshRequest {
    /// A subset of the key's or the team's own, for a narrower token.
    #[schema(value_type = Option<Vec<Capability>>)]
    capabilities: Option<CapabilityList>,
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
    presented: Presented,
    OptionalJsonBody(body): OptionalJsonBody<RefreshRequest>,
) -> Result<Json<TokenGrant>, ApiError> {
    let capabilities = narrowed(&presented.capabilities, body.and_then(|body| body.capabilities))?;
    let (signer, now) = (signing.signer(&app).await, app.clock.now().seconds());
    let claims = Claims::new(signer.issuer(), now, app.random.id()?, presented.user, presented.id, capabilities);
    let token = signer.sign(&claims)?;
    presented.note_exchange(&app);
    Ok(Json(TokenGrant { access_token: token.clone(), token, token_type: "Bearer", expires_in: LIFETIME_SECONDS }))
}

fn narrowed(held: &Capabilities, requested: Option<CapabilityList>) -> Result<Capabilities> {
    let Some(CapabilityList(requested)) = requested else { return Ok(held.clone()) };
    held.narrowed_to(&requested).map_err(|refused| Error::invalid_because(Code::CapabilityNotHeld, refused.0.name()))
}
