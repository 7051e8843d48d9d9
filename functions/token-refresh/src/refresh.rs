//! Exchanges an API key, or a team's token, for an access token.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::{Extension, Json};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use terrapi::auth::{Claims, LIFETIME_SECONDS};
use terrapi::domain::rate::RateLimitKey;
use terrapi::domain::{
    ApiKeyRecord, AuditAction, AuditOutcome, Capabilities, Capability, Code, Error, KeyId, RequestedCapabilities,
    Result, UserId,
};
use terrapi::http::{
    ApiError, ClientInfo, ErrorBody, Holder, NoStore, OptionalJsonBody, ProvenToken, UnverifiedCredential, charged,
    prove_api_key, prove_team_token,
};
use terrapi::runtime::{App, Signing};
use utoipa::ToSchema;

/// The body of an exchange.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(example = json!({"capabilities": ["kv_store_read"]}))]
pub struct RefreshRequest {
    /// A subset of the key's or the team's capabilities. Absent: all of them.
    #[schema(value_type = Option<Vec<Capability>>, max_items = 32)]
    capabilities: Option<RequestedCapabilities>,
    /// Whether the token may be used for administrators' routes, if the key may. The default is `true` if
    /// `capabilities` is absent, else `false`.
    administration: Option<bool>,
}

/// An access token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIs…", "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIs…",
    "token_type": "Bearer", "expires_in": 60}))]
pub struct TokenGrant {
    /// The token.
    token: String,
    /// The token again. Clients use either name.
    access_token: String,
    /// `Bearer`
    token_type: &'static str,
    /// The lifetime in seconds.
    expires_in: i64,
}

/// Exchange an API key or a team token for an access token
///
/// The API key or team token is the bearer credential. The access token is valid for 60 seconds and has the
/// capabilities of the key or the team.
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
    credential.record_exchange(&app);
    let access_token = token.clone();
    Ok(NoStore(Json(TokenGrant { token, access_token, token_type: "Bearer", expires_in: LIFETIME_SECONDS })))
}

/// A key or team token whose secret has been verified.
pub struct ExchangeCredential {
    pub id: KeyId,
    /// The owner of the access tokens.
    pub user: UserId,
    /// The capabilities that access tokens may have.
    pub capabilities: Capabilities,
    /// Whether access tokens may be used for administrators' routes.
    pub administration: bool,
    /// The key. `None` for a team token.
    key: Option<ApiKeyRecord>,
    client: ClientInfo,
}

impl FromRequestParts<App> for ExchangeCredential {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let payer = |credential: &Self| RateLimitKey::Key(credential.id);
        Ok(charged(parts, app, payer, Box::pin(Self::prove(parts, app))).await?)
    }
}

impl ExchangeCredential {
    async fn prove(parts: &Parts, app: &App) -> Result<Self> {
        let client = ClientInfo::of(parts);
        match UnverifiedCredential::of(&parts.headers)? {
            UnverifiedCredential::ApiKey(text) => Ok(Self::of_key(prove_api_key(text, parts, app).await?, client)),
            UnverifiedCredential::TeamToken(text) => Self::of_team(prove_team_token(text, parts, app).await?, client),
            _ => Err(Error::unauthenticated()),
        }
    }

    fn of_key(key: ApiKeyRecord, client: ClientInfo) -> Self {
        let (capabilities, administration) = (key.capabilities.clone(), key.administration);
        Self { id: key.id, user: key.user, capabilities, administration, key: Some(key), client }
    }

    /// The credential of a team. An organization's own token manages teams and cannot be exchanged.
    fn of_team(proven: ProvenToken, client: ClientInfo) -> Result<Self> {
        let Holder::Team(team) = proven.holder else { return Err(Error::forbidden(Code::InsufficientScope)) };
        let (id, user) = (proven.token.id.key_id(), team.service_user());
        Ok(Self { id, user, capabilities: team.capabilities, administration: false, key: None, client })
    }

    /// Writes the audit entry and the last use of a key in the background. That of a team token is already being
    /// written.
    pub fn record_exchange(self, app: &App) {
        let (now, done) = (app.clock.now(), (AuditAction::KeyRefreshed, AuditOutcome::Success));
        app.audit_beside(self.client.audited(now, done, self.user, Some(self.id)));
        let Some(key) = self.key else { return };
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.touch_api_key(&key, now).await {
                tracing::warn!(%error, "the last use of a key could not be stored");
            }
        });
    }
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
