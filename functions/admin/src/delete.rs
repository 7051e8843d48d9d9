//! Deletes an API key, and with it those that came of it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditEntry, AuditOutcome, Caller, Code, Error, KeyId, Result};
use terrapi::http::{AccessTokenCreate, ApiError, ClientInfo, ErrorBody, OnVcs, Query, VcsPath};
use terrapi::runtime::App;
use terrapi::store::NewAuditEntry;
use utoipa::ToSchema;

use crate::list::visible;

/// What is left of a deleted key.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedKey {
    /// The keys that came of the deleted one and still exist: those that its access tokens created, those that theirs
    /// created, and so on. At most 1,000; none after a cascade.
    #[schema(max_items = 1000)]
    descendants: Vec<KeyId>,
}

/// Delete an API key
///
/// It stops buying tokens at once; those already out live for at most a minute. Keys that were created with its access
/// tokens go on working, unless `cascade` is `true`. A cascade that was cut short, or answers 503, can be repeated. To a
/// caller who is limited to installations a key is there only if it is limited to some of them.
#[utoipa::path(delete, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])),
    params(VcsPath, ("id" = KeyId, Query, description = "Which key"),
        ("cascade" = Option<bool>, Query, description = "Whether to delete the keys that came of it as well")),
    responses((status = 200, body = DeletedKey), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_api_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    client: ClientInfo,
    query: Query,
) -> Result<Json<DeletedKey>, ApiError> {
    let id = query.text("id").and_then(KeyId::parse);
    let id = id.ok_or_else(|| Error::invalid_because(Code::InvalidQuery, "id is a UUID"))?;
    let (cascade, user) = (query.flag("cascade", false)?, caller.caller().user);
    let note = |key: &ApiKeyRecord| deletion(&app, &client, key);
    match app.store.find_api_key(id).await? {
        Some(key) if visible(&key, caller.caller(), caller.vcs) => app.store.delete_api_key(&key, &note(&key)?).await?,
        None if cascade => require_rest_of_cascade(&app, caller.caller(), id).await?,
        _ => return Err(Error::NotFound.into()),
    }
    if !cascade {
        return Ok(Json(DeletedKey { descendants: app.store.list_descendants(user, id).await? }));
    }
    app.store.delete_descendants(user, id, note).await?;
    Ok(Json(DeletedKey { descendants: Vec::new() }))
}

/// A key that is gone can be deleted again only to finish a cascade that was cut short. What is left lay within the limits of
/// the key, so a caller whose limits it is not within could not have seen the key.
async fn require_rest_of_cascade(app: &App, caller: &Caller, of: KeyId) -> Result<()> {
    let left = app.store.list_descendants(caller.user, of).await?;
    if left.is_empty() {
        return Err(Error::NotFound);
    }
    if caller.capabilities.reaches_every_installation() {
        return Ok(());
    }
    for chunk in left.chunks(100) {
        let keys = app.store.get_api_keys(chunk).await?;
        if !keys.values().all(|key| key.capabilities.lies_within(&caller.capabilities)) {
            return Err(Error::NotFound);
        }
    }
    Ok(())
}

fn deletion(app: &App, client: &ClientInfo, key: &ApiKeyRecord) -> Result<NewAuditEntry> {
    let done = (AuditAction::KeyDeleted, AuditOutcome::Success);
    let entry = client.clone().audited(app.clock.now(), done, key.user, Some(key.id));
    app.audit_record(AuditEntry { limited_to: Some(key.capabilities.installations().collect()), ..entry })
}
