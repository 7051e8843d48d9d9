//! Lists API keys.

use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{ApiKeyRecord, Caller, Capabilities, Capability, KeyId, Result, Vcs};
use terrapi::http::{AccessTokenCreate, ApiError, ErrorBody, ListQuery, Listed, OnVcs, Page};
use terrapi::runtime::App;
use utoipa::ToSchema;

pub type KeyPage = Page<ListedKey>;

impl Listed for ListedKey {
    const PAGE: [&str; 3] = ["KeyPage", "A page of keys.", "Ordered by name, then by id."];
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
    params(ListQuery),
    responses((status = 200, body = KeyPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_api_keys(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    query: ListQuery,
) -> Result<KeyPage, ApiError> {
    let user = caller.caller().user;
    let listing = query.listing::<String>(&app, caller.caller(), &format!("keys#{}", caller.vcs)).await?;
    let (mut keys, next) = app.store.list_api_keys(user, caller.vcs, listing.after.as_deref(), listing.limit).await?;
    keys.retain(|key| visible(key, caller.caller(), caller.vcs));
    Ok(listing.page(keys, next).await?)
}
