//! Deletes an API key.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::{AuditAction, AuditOutcome, Code, Error, KeyId, Result};
use terrapi::http::{AccessTokenCreate, ApiError, ClientInfo, ErrorBody, OnVcs, Query, VcsPath};
use terrapi::runtime::App;

/// Delete an API key
///
/// It stops buying tokens at once; those already out live for at most a minute.
#[utoipa::path(delete, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])),
    params(VcsPath, ("id" = KeyId, Query, description = "Which key")),
    responses((status = 200, description = "Deleted; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_api_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    client: ClientInfo,
    query: Query,
) -> Result<StatusCode, ApiError> {
    let id = query.text("id").and_then(KeyId::parse);
    let id = id.ok_or_else(|| Error::invalid_because(Code::InvalidQuery, "id is a UUID"))?;
    let key = app.store.find_api_key(id).await?;
    let own = key.filter(|key| key.user == caller.caller().user && key.vcs == caller.vcs);
    let key = own.ok_or(Error::NotFound)?;
    app.store.delete_api_key(&key).await?;
    let done = (AuditAction::KeyDeleted, AuditOutcome::Success);
    app.audit(client.audited(app.clock.now(), done, key.user, Some(key.id))).await?;
    Ok(StatusCode::OK)
}
