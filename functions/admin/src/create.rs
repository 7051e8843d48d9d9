//! Creates an API key.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terrapi::auth::{ApiKey, Secret};
use terrapi::domain::{
    ApiKeyRecord, AuditAction, AuditOutcome, Caller, Capabilities, Capability, Code, Error, InstallationId, KeyId,
    KeyName, Millis, Namespace, Result, Seconds, Vcs,
};
use terrapi::http::{
    AccessTokenCreate, ApiError, ClientInfo, ErrorBody, JsonBody, OnVcs, VcsPath, require_administrator,
};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::list::ListedKey;

/// The key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "ci", "capabilities": ["kv_store_read", {"name": "installation_id", "id": "12345"}]}))]
pub struct CreateKey {
    /// For people. At most 256 bytes, not unique.
    #[schema(max_length = 256)]
    name: String,
    /// What its access tokens may do: nothing that the caller may not.
    #[schema(value_type = Vec<Capability>)]
    capabilities: Vec<Value>,
    /// RFC 3339, in the future. The key stops working then.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether its access tokens open the administrators' routes. Only an administrator may ask for it, by a session or by
    /// an access token of such a key; otherwise 403 `ADMINISTRATOR_REQUIRED`.
    administration: Option<bool>,
}

/// A new key. It cannot be shown again.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    /// The key itself.
    refresh_token: String,
    /// As listings show it, with the restrictions that were inherited or added.
    #[serde(flatten)]
    key: ListedKey,
}

/// Create an API key
///
/// The path's VCS is always added to the restrictions. A capability that the caller does not hold is 400
/// `CAPABILITY_NOT_HELD`, naming it.
#[utoipa::path(post, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])),
    params(VcsPath), request_body = CreateKey,
    responses((status = 200, body = CreatedKey), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn create_api_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    client: ClientInfo,
    JsonBody(body): JsonBody<CreateKey>,
) -> Result<Json<CreatedKey>, ApiError> {
    let now = app.clock.now();
    let (name, expires_at) = (KeyName::new(body.name)?, expiry(body.expires_at, now)?);
    let administration = body.administration.unwrap_or_default();
    if administration {
        require_administrator(caller.caller(), &app).await?;
    }
    let requested = body.capabilities.into_iter().map(capability).collect::<Result<_>>()?;
    let capabilities = granted(&app, caller.caller(), caller.vcs, &requested).await?;
    let key = ApiKey { id: KeyId::new(app.random.id()?), secret: Secret::new(app.random.bytes()?) };
    let record = ApiKeyRecord {
        id: key.id,
        user: caller.caller().user,
        vcs: caller.vcs,
        name,
        capabilities,
        administration,
        secret_hash: key.secret.hash(),
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    app.store.create_api_key(&record).await?;
    let done = (AuditAction::KeyCreated, AuditOutcome::Success);
    app.audit(client.audited(now, done, record.user, Some(record.id))).await?;
    Ok(Json(CreatedKey { refresh_token: key.reveal(app.settings.key_environment), key: record.into() }))
}

fn capability(sent: Value) -> Result<Capability> {
    serde_json::from_value(sent)
        .map_err(|_| Error::invalid_because(Code::InvalidCapability, "a capability is unknown or malformed"))
}

fn expiry(sent: Option<String>, now: Millis) -> Result<Option<Seconds>> {
    let bad = |problem| Error::invalid_because(Code::InvalidBody, problem);
    let Some(sent) = sent else { return Ok(None) };
    let end = Seconds::parse(&sent).ok_or_else(|| bad("expires_at is not an RFC 3339 instant"))?;
    if end.millis() <= now { Err(bad("expires_at has passed")) } else { Ok(Some(end)) }
}

async fn granted(app: &App, caller: &Caller, vcs: Vcs, requested: &Capabilities) -> Result<Capabilities> {
    let mut accessible = BTreeSet::new();
    for capability in requested.iter() {
        let Capability::InstallationId(id) = capability else { continue };
        let Some(installation) = InstallationId::parse(id) else { continue };
        if app.store.is_member(caller.user, Namespace { vcs, installation }).await? {
            accessible.insert(installation);
        }
    }
    let granted = caller.capabilities.granted_to_key(requested, vcs, &accessible);
    granted.map_err(|refused| Error::invalid_because(Code::CapabilityNotHeld, refused.0.name()))
}
