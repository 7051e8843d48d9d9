//! Lists API keys.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use terrapi::domain::{ApiKeyRecord, Caller, Capabilities, Capability, KeyId, Result, Vcs};
use terrapi::http::{AccessTokenCreate, ApiError, ErrorBody, Listing, OnVcs, Origin, PageQuery, Query, VcsPath};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// A page of keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyPage {
    /// Ordered by name, then by id.
    results: Vec<ListedKey>,
    /// The cursor in the `Link` header, to pass as `page`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// A key without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListedKey {
    /// Identifies the key in listings, deletions and the audit trail.
    id: KeyId,
    /// A name for people.
    name: String,
    /// The capabilities of its access tokens.
    #[schema(value_type = Vec<Capability>)]
    capabilities: Capabilities,
    /// Whether its access tokens open the administrators' routes if their owner is an administrator.
    administration: bool,
    /// The key with whose access token it was created; absent if it was created with a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = KeyId, required = false, nullable = false)]
    created_by_key: Option<KeyId>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    created_at: String,
    /// RFC 3339, to the minute; absent if the key was never exchanged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    last_used_at: Option<String>,
    /// RFC 3339; absent if the key does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = DateTime, nullable = false)]
    expires_at: Option<String>,
}

impl From<ApiKeyRecord> for ListedKey {
    fn from(key: ApiKeyRecord) -> Self {
        Self {
            id: key.id,
            name: key.name.as_str().to_owned(),
            capabilities: key.capabilities,
            administration: key.administration,
            created_by_key: key.lineage.parent,
            created_at: key.created_at.rfc3339(),
            last_used_at: key.last_used_at.map(|at| at.millis().rfc3339()),
            expires_at: key.expires_at.map(|at| at.millis().rfc3339()),
        }
    }
}

/// Whether a caller may see a key: it is their own, belongs to the provider in the path, and its limits lie within
/// theirs.
pub fn visible(key: &ApiKeyRecord, caller: &Caller, vcs: Vcs) -> bool {
    key.user == caller.user && key.vcs == vcs && key.capabilities.lies_within(&caller.capabilities)
}

/// List the caller's API keys
///
/// The keys that were created under the provider in the path. A caller who is limited to installations sees the keys
/// that are limited to some of them. In that case a page may have fewer than `limit` keys, or none; only a missing
/// `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/{vcs}/access-token", tag = "keys", security(("bearer" = [])),
    params(VcsPath, PageQuery),
    responses((status = 200, body = KeyPage, headers(("link" = String, description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page."))), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_api_keys(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    query: Query,
    origin: Origin,
) -> Result<Response, ApiError> {
    let user = caller.caller().user;
    let listing = Listing::new(&app, caller.caller(), &format!("keys#{}", caller.vcs));
    let limit = query.limit(20, 100)?;
    let after: Option<String> = listing.start(&query).await?;
    let (keys, next) = app.store.list_api_keys(user, caller.vcs, after.as_deref(), limit).await?;
    let next = listing.next_page(&origin, next.as_ref(), &[("limit", &limit.to_string())]).await?;
    let visible_keys = keys.into_iter().filter(|key| visible(key, caller.caller(), caller.vcs));
    let results = visible_keys.map(ListedKey::from).collect();
    Ok((next.link, Json(KeyPage { results, next_cursor: next.cursor })).into_response())
}
