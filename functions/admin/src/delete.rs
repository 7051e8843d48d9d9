//! Deletes an API key, and on request its descendants.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{ApiKeyRecord, AuditAction, AuditEntry, AuditOutcome, Caller, Code, Error, KeyId, Result};
use terrapi::http::{AccessTokenCreate, ApiError, ClientInfo, ErrorBody, OnVcs, Query};
use terrapi::runtime::App;
use terrapi::store::NewAuditEntry;
use utoipa::ToSchema;

use crate::list::visible;

/// The result of the deletion.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeletedKey {
    /// The descendants of the deleted key that still exist: the keys that were created with its access tokens, those
    /// that were created with theirs, and so on. At most 1,000. Empty after a cascade.
    #[schema(max_items = 1000)]
    descendants: Vec<KeyId>,
}

/// Delete an API key
///
/// The key cannot be exchanged any more at once. Access tokens that were issued before expire within a minute. Keys
/// that were created with its access tokens stay valid, unless `cascade` is `true`. A cascade that was interrupted or
/// answered with 503 can be repeated. A caller who is limited to installations may delete only keys that are limited to
/// some of them.
#[utoipa::path(delete, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])),
    params(("id" = KeyId, Query, description = "The key"),
        ("cascade" = Option<bool>, Query, description = "Whether its descendants are deleted too")),
    responses((status = 200, body = DeletedKey), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_api_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    client: ClientInfo,
    query: Query,
) -> Result<Json<DeletedKey>, ApiError> {
    let id = query.text("id")?.and_then(KeyId::parse);
    let id = id.ok_or_else(|| Error::invalid_because(Code::InvalidQuery, "id is a UUID"))?;
    let (cascade, user) = (query.flag("cascade", false)?, caller.caller().user);
    let audit_entry = |key: &ApiKeyRecord| deletion(&app, &client, key);
    match app.store.find_api_key(id).await? {
        Some(key) if visible(&key, caller.caller(), caller.vcs) => {
            app.store.delete_api_key(&key, &audit_entry(&key)?).await?;
        }
        None if cascade => require_rest_of_cascade(&app, caller.caller(), id).await?,
        _ => return Err(Error::NotFound.into()),
    }
    if !cascade {
        return Ok(Json(DeletedKey { descendants: app.store.list_descendants(user, id).await? }));
    }
    app.store.delete_descendants(user, id, audit_entry).await?;
    Ok(Json(DeletedKey { descendants: Vec::new() }))
}

/// A deleted key can be deleted again only to finish an interrupted cascade. Its remaining descendants lie within its
/// limits, so a caller whose limits do not include them could not have seen the key.
async fn require_rest_of_cascade(app: &App, caller: &Caller, of: KeyId) -> Result<()> {
    let remaining = app.store.list_descendants(caller.user, of).await?;
    if remaining.is_empty() {
        return Err(Error::NotFound);
    }
    if caller.capabilities.reaches_every_installation() {
        return Ok(());
    }
    for chunk in remaining.chunks(100) {
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
