//! Who presents what an exchange takes: an API key, or a team's token.

use axum::extract::FromRequestParts;
use http::request::Parts;
use terrapi::domain::rate::RateLimitKey;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditOutcome, Capabilities, Code, Error, KeyId, Result, UserId};
use terrapi::http::{
    ApiError, ClientInfo, Holder, ProvenToken, UnverifiedCredential, charged, prove_api_key, prove_team_token,
};
use terrapi::runtime::App;

/// A credential whose holder proved to have its secret.
pub struct ExchangeCredential {
    pub id: KeyId,
    /// In whose name access tokens are.
    pub user: UserId,
    /// What they may hold.
    pub capabilities: Capabilities,
    /// Whether they may open the administrators' routes.
    pub administration: bool,
    /// The key's row, when it is a key.
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

    /// A team's part. An organization's own token manages teams, and opens nothing by itself.
    fn of_team(proven: ProvenToken, client: ClientInfo) -> Result<Self> {
        let Holder::Team(team) = proven.holder else { return Err(Error::forbidden(Code::InsufficientScope)) };
        let (id, user) = (proven.token.id.key_id(), team.service_user());
        Ok(Self { id, user, capabilities: team.capabilities, administration: false, key: None, client })
    }

    /// Adds to the audit trail, and notes a key's use, beside the answer. A team token's has been noted.
    pub fn note_exchange(self, app: &App) {
        let (now, done) = (app.clock.now(), (AuditAction::KeyRefreshed, AuditOutcome::Success));
        app.audit_beside(self.client.audited(now, done, self.user, Some(self.id)));
        let Some(key) = self.key else { return };
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.touch_api_key(&key, now).await {
                tracing::warn!(%error, "a key's last use was not noted");
            }
        });
    }
}
