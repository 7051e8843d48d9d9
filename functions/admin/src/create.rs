//! Creates an API key.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use terrapi::auth::{ApiKey, Secret};
use terrapi::domain::{
    ApiKeyRecord, AuditAction, AuditEntry, AuditOutcome, Caller, Capabilities, Capability, Code, Credential, Error,
    KeyId, KeyName, Lineage, Millis, RequestedCapabilities, Result, Seconds, Vcs,
};
use terrapi::http::{
    AccessTokenCreate, ApiError, ClientInfo, ErrorBody, JsonBody, NoStore, OnVcs, require_administrator,
};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::list::ListedKey;

/// The key to create.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"name": "ci", "capabilities": ["kv_store_read", {"name": "installation_id", "id": "12345"}]}))]
pub struct CreateKey {
    /// A name for people: at most 256 bytes, not necessarily unique.
    #[schema(max_length = 256)]
    name: String,
    /// The capabilities of its access tokens. The caller must hold all of them.
    #[schema(value_type = Vec<Capability>, max_items = 32)]
    capabilities: RequestedCapabilities,
    /// RFC 3339, in the future: when the key expires. A key that is created with an access token expires no later than
    /// the key behind that token.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
    /// Whether its access tokens open the administrators' routes. Only an administrator may set it, with a session or
    /// with an access token of such a key; otherwise 403 `ADMINISTRATOR_REQUIRED`.
    administration: Option<bool>,
}

/// The new key. Its text is shown only here.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedKey {
    /// The text of the key.
    refresh_token: String,
    /// The key as in listings, with the limits that it inherited or that were added.
    #[serde(flatten)]
    key: ListedKey,
}

/// Create an API key
///
/// The provider in the path is always added to the limits. Capabilities that the caller does not hold are answered with
/// 400 `CAPABILITY_NOT_HELD`, which names all of them. A key that is created with an access token expires no later than
/// the key behind that token, names it as `created_by_key`, and can be deleted together with it. If that key was
/// deleted or has expired, the answer is 403 `KEY_REVOKED`.
#[utoipa::path(post, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])), request_body = CreateKey,
    responses((status = 200, body = CreatedKey), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn create_api_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    client: ClientInfo,
    JsonBody(body): JsonBody<CreateKey>,
) -> Result<NoStore<Json<CreatedKey>>, ApiError> {
    let now = app.clock.now();
    let (name, expires_at) = (KeyName::new(body.name)?, expiry(body.expires_at, now)?);
    let administration = body.administration.unwrap_or_default();
    if administration {
        require_administrator(caller.caller(), &app).await?;
    }
    let capabilities = granted(&app, caller.caller(), caller.vcs, &body.capabilities.read()?).await?;
    let parent = parent(&app, caller.caller(), now).await?;
    let key = ApiKey { id: KeyId::new(app.random.id()?), secret: Secret::new(app.random.bytes()?) };
    let record = ApiKeyRecord {
        id: key.id,
        user: caller.caller().user,
        vcs: caller.vcs,
        name,
        capabilities,
        lineage: parent.as_ref().map(Lineage::of_child).transpose()?.unwrap_or_default(),
        administration,
        secret_hash: key.secret.hash(),
        created_at: now,
        expires_at: expires_at.into_iter().chain(parent.and_then(|parent| parent.expires_at)).min(),
        last_used_at: None,
    };
    let entry = client.audited(now, (AuditAction::KeyCreated, AuditOutcome::Success), record.user, Some(record.id));
    let audit_entry = app.audit_record(AuditEntry { created_by_key: record.lineage.parent, ..entry })?;
    app.store.create_api_key(&record, Some(&audit_entry)).await?;
    Ok(NoStore(Json(CreatedKey { refresh_token: key.reveal(app.settings.key_environment), key: record.into() })))
}

/// The key behind the caller's access token. `None` for a session.
///
/// # Errors
/// [`Code::KeyRevoked`] if the key was deleted or has expired while the token is still valid.
async fn parent(app: &App, caller: &Caller, now: Millis) -> Result<Option<ApiKeyRecord>> {
    let Credential::AccessToken(id) = caller.credential else { return Ok(None) };
    let key = app.store.find_api_key(id).await?.filter(|key| !key.expired(now));
    key.map(Some).ok_or(Error::Unauthenticated { code: Code::KeyRevoked })
}

fn expiry(sent: Option<String>, now: Millis) -> Result<Option<Seconds>> {
    let bad = |problem| Error::invalid_because(Code::InvalidBody, problem);
    let Some(sent) = sent else { return Ok(None) };
    let end = Seconds::parse(&sent).ok_or_else(|| bad("expires_at is not an RFC 3339 instant"))?;
    if end.millis() <= now { Err(bad("expires_at has passed")) } else { Ok(Some(end)) }
}

/// Costs at most one read, regardless of the number of installations.
async fn granted(app: &App, caller: &Caller, vcs: Vcs, requested: &Capabilities) -> Result<Capabilities> {
    let reached = caller.capabilities.reached_among(requested);
    let accessible = app.member_among(caller.user, vcs, &reached).await?;
    let granted = caller.capabilities.granted_to_key(requested, vcs, &accessible);
    granted.map_err(|refused| Error::invalid_because(Code::CapabilityNotHeld, refused.names()))
}
