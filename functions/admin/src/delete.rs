//! Deletes an API key, and with it those that came of it.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditOutcome, Code, Error, KeyId, Result, UserId};
use terrapi::http::{AccessTokenCreate, ApiError, ClientInfo, ErrorBody, OnVcs, Query, VcsPath};
use terrapi::runtime::App;
use terrapi::store::NewAuditEntry;
use utoipa::ToSchema;

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
/// tokens go on working, unless `cascade` is `true`. A cascade that was cut short, or answers 503, can be repeated.
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
        Some(key) if key.user == user && key.vcs == caller.vcs => app.store.delete_api_key(&key, &note(&key)?).await?,
        None if cascade => require_rest_of_cascade(&app, user, id).await?,
        _ => return Err(Error::NotFound.into()),
    }
    if !cascade {
        return Ok(Json(DeletedKey { descendants: app.store.list_descendants(user, id).await? }));
    }
    app.store.delete_descendants(user, id, note).await?;
    Ok(Json(DeletedKey { descendants: Vec::new() }))
}

/// A key that is gone can be deleted again only to finish a cascade that was cut short.
async fn require_rest_of_cascade(app: &App, user: UserId, of: KeyId) -> Result<()> {
    if app.store.list_descendants(user, of).await?.is_empty() { Err(Error::NotFound) } else { Ok(()) }
}

fn deletion(app: &App, client: &ClientInfo, key: &ApiKeyRecord) -> Result<NewAuditEntry> {
    let done = (AuditAction::KeyDeleted, AuditOutcome::Success);
    app.noted(client.clone().audited(app.clock.now(), done, key.user, Some(key.id)))
}
