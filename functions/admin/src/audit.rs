//! Shows a key's audit trail.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use terrapi::domain::{AuditAction, AuditEntry, AuditOutcome, Code, Error, KeyId, Result, UserId};
use terrapi::http::{
    AccessTokenCreate, ApiError, ErrorBody, OnVcs, Origin, PageQuery, PathParams, Query, VcsPath, open_cursor,
    page_link,
};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    results: Vec<AuditItem>,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditItem {
    /// RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// What was done.
    action: AuditAction,
    /// How it ended.
    outcome: AuditOutcome,
    /// On whose behalf.
    actor: UserId,
    /// The key.
    key_id: KeyId,
    /// The client's address; `null` when the front end did not tell.
    source_ip: Option<String>,
    /// The client's word for itself; `null` when it gave none.
    user_agent: Option<String>,
}

impl From<AuditEntry> for AuditItem {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: entry.at.rfc3339(),
            action: entry.action,
            outcome: entry.outcome,
            actor: entry.actor,
            key_id: entry.key,
            source_ip: entry.source_ip,
            user_agent: entry.user_agent,
        }
    }
}

/// List a key's audit trail
///
/// Newest first, kept for 90 days, also after the key was deleted. The key's owner reads it.
#[utoipa::path(get, path = "/api/v1/{vcs}/access-token/{id}/audit", tag = "keys", security(("bearer" = [])),
    params(VcsPath, ("id" = KeyId, Path, description = "Which key"), PageQuery),
    responses((status = 200, body = AuditPage, headers(("link" = String, description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page."))), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_audit_of_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    path: PathParams,
    query: Query,
    origin: Origin,
) -> Result<Response, ApiError> {
    let id = KeyId::parse(path.text("id"))
        .ok_or_else(|| Error::invalid_because(Code::InvalidPath, "a key's id is a UUID"))?;
    let listing = format!("audit#{id}");
    let limit = query.limit(20, 100)?;
    let after: Option<String> = query.text("page").map(|cursor| open_cursor(&listing, cursor)).transpose()?;
    let (entries, next) = app.store.list_audit_of_key(id, after.as_deref(), limit, app.clock.now()).await?;
    // Every entry names the owner; a page of a stranger's key, or of no key, is nothing at all.
    if entries.first().is_none_or(|entry| entry.actor != caller.caller().user) {
        return Err(Error::NotFound.into());
    }
    let link = page_link(&origin, &listing, "page", next.as_ref(), &[("limit", &limit.to_string())])?;
    let results = entries.into_iter().map(AuditItem::from).collect();
    Ok((link, Json(AuditPage { results })).into_response())
}
