//! Who presents what an exchange takes: an API key, or a team's token.

use axum::extract::FromRequestParts;
use http::request::Parts;
use terrapi::auth::ApiKey;
use terrapi::domain::rate::RateLimitKey;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditOutcome, Capabilities, Code, Error, KeyId, Result, UserId};
use terrapi::http::{
    ApiError, ClientInfo, Holder, ProvenToken, bearer, charge, network, prove_team_token, refuse_limited,
};
use terrapi::runtime::App;

/// A credential whose holder proved to have its secret.
pub struct ExchangeCredential {
    /// Names it.
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
        match prove(parts, app).await {
            Ok(credential) => {
                charge(parts, app, RateLimitKey::Key(credential.id)).await?;
                Ok(credential)
            }
            Err(error @ (Error::Unauthenticated { .. } | Error::Forbidden { .. })) => {
                charge(parts, app, RateLimitKey::Anonymous(network(parts))).await?;
                Err(error.into())
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl ExchangeCredential {
    /// Adds to the audit trail, and notes a key's use, beside the answer. A team token's has been noted.
    pub fn note_exchange(self, app: &App) {
        record(app, self.id, self.user, &self.client, AuditOutcome::Success);
        let Some(key) = self.key else { return };
        let (store, now) = (app.store.clone(), app.clock.now());
        app.background.spawn(async move {
            if let Err(error) = store.touch_api_key(&key, now).await {
                tracing::warn!(%error, "a key's last use was not noted");
            }
        });
    }
}

async fn prove(parts: &mut Parts, app: &App) -> Result<ExchangeCredential> {
    let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
    match prove_team_token(parts, app).await? {
        Some(proven) => of_team(proven, client),
        None => by_api_key(parts, app, client).await,
    }
}

/// A team's part. An organization's own token manages teams, and opens nothing by itself.
fn of_team(proven: ProvenToken, client: ClientInfo) -> Result<ExchangeCredential> {
    let Holder::Team(team) = proven.holder else { return Err(Error::forbidden(Code::InsufficientScope)) };
    let (id, user) = (proven.token.id.key_id(), team.service_user());
    Ok(ExchangeCredential { id, user, capabilities: team.capabilities, administration: false, key: None, client })
}

/// The key, if its secret was credential. A malformed key costs no read, and none is made for a place that is over its
/// budget. An unknown id, a wrong secret and an expired key look the same from outside, and are counted alike.
async fn by_api_key(parts: &Parts, app: &App, client: ClientInfo) -> Result<ExchangeCredential> {
    let ApiKey { id, secret } = ApiKey::parse(bearer(&parts.headers)?).ok_or_else(Error::unauthenticated)?;
    let place = network(parts);
    refuse_limited(parts, app, RateLimitKey::FailedSecret(id, place))?;
    // Whoever proved the key here before is not one of the anonymous from the same place, and may know its standing.
    let proven = app.limits.proven(id, secret.hash());
    refuse_limited(parts, app, if proven { RateLimitKey::Key(id) } else { RateLimitKey::Anonymous(place) })?;
    let key = app.store.find_api_key(id).await?;
    let good = |key: &ApiKeyRecord| secret.matches(&key.secret_hash) && !key.expired(app.clock.now());
    match key {
        Some(key) if good(&key) => {
            app.limits.remember_proven(id, key.secret_hash);
            let (capabilities, administration) = (key.capabilities.clone(), key.administration);
            Ok(ExchangeCredential { id, user: key.user, capabilities, administration, key: Some(key), client })
        }
        other => {
            if let Some(key) = other {
                record(app, key.id, key.user, &client, AuditOutcome::Refused);
            }
            charge(parts, app, RateLimitKey::FailedSecret(id, place)).await?;
            Err(Error::unauthenticated())
        }
    }
}

fn record(app: &App, id: KeyId, user: UserId, client: &ClientInfo, outcome: AuditOutcome) {
    let done = (AuditAction::KeyRefreshed, outcome);
    app.audit_beside(client.clone().audited(app.clock.now(), done, user, Some(id)));
}
