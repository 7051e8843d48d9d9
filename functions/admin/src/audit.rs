//! Lists the audit trail: that of a key for its owner, and the whole trail for administrators.

use axum::extract::State;
use serde::Serialize;
use terrapi::domain::organization::TeamTokenId;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditFilter, AuditOutcome, AuditedOrganization, Caller, Capabilities,
    Capability, Code, Error, KeyId, Permission, PermissionChange, Result, UserId, Vcs,
};
use terrapi::http::{
    AccessTokenCreate, Administrator, ApiError, ErrorBody, ListQuery, Listed, OnVcs, Page, PathParams, Query,
};
use terrapi::runtime::App;
use utoipa::ToSchema;

pub type AuditPage = Page<AuditItem>;

impl Listed for AuditItem {
    const PAGE: [&str; 3] = ["AuditPage", "A page of audit entries.", "Newest first."];
}

/// One audit entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditItem {
    /// RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// The action, whether or not it succeeded.
    action: AuditAction,
    /// The outcome of the action.
    outcome: AuditOutcome,
    /// The user who acted; `null` for a refused sign-in whose user was unknown.
    #[schema(required = true)]
    actor: Option<UserId>,
    /// The API key that the entry is about, or the key with which an organization or team was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = KeyId, required = false, nullable = false)]
    key_id: Option<KeyId>,
    /// The token that the entry is about, if it is a token of a team or an organization, in that token's own form.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, pattern = "^at-[A-Za-z0-9]{16}$")]
    token_id: Option<String>,
    /// The organization or team that was changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AuditedOrganization, required = false, nullable = false)]
    organization: Option<AuditedOrganization>,
    /// The key whose access token created this key, if a key was created with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = KeyId, required = false, nullable = false)]
    created_by_key: Option<KeyId>,
    /// The permission that changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = AuditSubject, required = false, nullable = false)]
    subject: Option<AuditSubject>,
    /// The provider of a sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vcs, required = false, nullable = false)]
    vcs: Option<Vcs>,
    /// The `id` of the error with which a sign-in was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "INVALID_STATE")]
    reason: Option<&'static str>,
    /// The client's IP address; `null` if it is unknown.
    source_ip: Option<String>,
    /// The client's `User-Agent`; `null` if it sent none.
    user_agent: Option<String>,
}

/// A permission that was granted to a user or revoked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"user_id": "0190a5d0-ac96-774b-bcce-b302099a8057", "permission": "member", "change": "granted",
    "vcs": "github", "installation_id": "12345"}))]
pub struct AuditSubject {
    /// The user who has or had the permission.
    user_id: UserId,
    /// `administrator`, `member` of an installation, or `team_member`.
    permission: &'static str,
    /// Whether the permission was granted or revoked.
    change: AuditChange,
    /// The provider of the installation.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vcs, required = false, nullable = false)]
    vcs: Option<Vcs>,
    /// The installation's number, in decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    installation_id: Option<String>,
}

impl From<PermissionChange> for AuditSubject {
    fn from(PermissionChange { user, permission, change }: PermissionChange) -> Self {
        let (permission, namespace) = match permission {
            Permission::Administrator => ("administrator", None),
            Permission::Member(namespace) => ("member", Some(namespace)),
            Permission::TeamMember => ("team_member", None),
        };
        let installation_id = namespace.map(|namespace| namespace.installation.to_string());
        Self { user_id: user, permission, change, vcs: namespace.map(|namespace| namespace.vcs), installation_id }
    }
}

impl From<AuditEntry> for AuditItem {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: entry.at.rfc3339(),
            action: entry.action,
            outcome: entry.outcome,
            actor: entry.actor,
            key_id: entry.key,
            token_id: entry.key.and_then(TeamTokenId::of_key).map(|id| id.to_string()),
            organization: entry.organization,
            created_by_key: entry.created_by_key,
            subject: entry.subject.map(AuditSubject::from),
            vcs: entry.vcs,
            reason: entry.reason.map(Code::as_str),
            source_ip: entry.source_ip,
            user_agent: entry.user_agent,
        }
    }
}

/// List a key's audit trail
///
/// Newest first. Entries are kept for 90 days, even after the key was deleted. Readable by the key's owner, with a
/// credential that is not limited to installations, or limited to all those to which the key is limited.
#[utoipa::path(get, path = "/api/v1/{vcs}/access-token/{id}/audit", tag = "keys", security(("bearer" = [])),
    params(("id" = KeyId, Path, description = "Which key"), ListQuery),
    responses((status = 200, body = AuditPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_audit_of_key(
    State(app): State<App>,
    caller: OnVcs<AccessTokenCreate>,
    path: PathParams,
    query: ListQuery,
) -> Result<AuditPage, ApiError> {
    let id = KeyId::parse(path.text("id"))
        .ok_or_else(|| Error::invalid_because(Code::InvalidPath, "a key's id is a UUID"))?;
    let filter = AuditFilter { key: Some(id), ..AuditFilter::default() };
    let listing = query.listing::<String>(&app, caller.caller(), &format!("audit#{id}")).await?;
    if !trail_visible(&app, caller.caller(), id).await? {
        return Err(Error::NotFound.into());
    }
    let (after, now) = (listing.after.as_deref(), app.clock.now());
    let (entries, next) = app.store.list_audit(&filter, after, listing.limit, now).await?;
    // Every entry names the owner. For another user's key, and for an unknown one, the answer is an empty page.
    if entries.first().is_none_or(|entry| entry.actor != Some(caller.caller().user)) {
        return Err(Error::NotFound.into());
    }
    Ok(listing.page(entries, next).await?)
}

/// Whether the caller's limits to installations allow reading a key's trail. The limits of the key are in its row, and
/// after its deletion in the entry of that. Reads nothing for a caller without such limits.
async fn trail_visible(app: &App, caller: &Caller, id: KeyId) -> Result<bool> {
    let limits = &caller.capabilities;
    if limits.reaches_every_installation() {
        return Ok(true);
    }
    if let Some(key) = app.store.find_api_key(id).await? {
        return Ok(key.capabilities.lies_within(limits));
    }
    let deletion = AuditFilter { key: Some(id), action: Some(AuditAction::KeyDeleted), ..AuditFilter::default() };
    let (entries, _) = app.store.list_audit(&deletion, None, 1, app.clock.now()).await?;
    let limited_to = entries.into_iter().find_map(|entry| entry.limited_to).unwrap_or_default();
    let limited_to: Capabilities = limited_to.iter().map(|id| Capability::InstallationId(id.to_string())).collect();
    Ok(limited_to.lies_within(limits))
}

/// The query parameters that filter the entries.
const FILTERS: [&str; 6] = ["key", "user", "action", "outcome", "from", "to"];

/// List the audit trail
///
/// Newest first. Entries are kept for 90 days. For administrators. A new entry appears within about a second, or at
/// once if `key` names its key. A page may have fewer than `limit` entries, or none; only a missing `next` link marks
/// the end.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "administration", security(("bearer" = [])),
    params(
        ("key" = Option<KeyId>, Query, description = "Only entries about this key. For a token of a team or an organization, this is its `key_id`"),
        ("user" = Option<UserId>, Query, description = "Only actions of this user"),
        ("action" = Option<AuditAction>, Query, description = "Only this action"),
        ("outcome" = Option<AuditOutcome>, Query, description = "Only this outcome"),
        ("from" = Option<String>, Query, format = DateTime, description = "RFC 3339: from this instant on"),
        ("to" = Option<String>, Query, format = DateTime, description = "RFC 3339: before this instant"),
        ListQuery),
    responses((status = 200, body = AuditPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_audit(
    State(app): State<App>,
    administrator: Administrator,
    filters: Query,
    query: ListQuery,
) -> Result<AuditPage, ApiError> {
    let filter = filter(&filters)?;
    // A cursor is valid only with its filters: with others, its position would have another meaning.
    let name = format!("audit#{filter:?}");
    let mut listing = query.listing::<String>(&app, administrator.caller(), &name).await?;
    for name in FILTERS {
        listing.repeated.extend(filters.text(name)?.map(|value| (name, value.to_owned())));
    }
    let (after, now) = (listing.after.as_deref(), app.clock.now());
    let (entries, next) = app.store.list_audit(&filter, after, listing.limit, now).await?;
    Ok(listing.page(entries, next).await?)
}

fn filter(query: &Query) -> Result<AuditFilter> {
    let filter = AuditFilter {
        key: query.id("key", KeyId::parse)?,
        actor: query.id("user", UserId::parse)?,
        action: query.word("action")?,
        outcome: query.word("outcome")?,
        from: query.instant("from")?,
        to: query.instant("to")?,
    };
    match (filter.from, filter.to) {
        (Some(from), Some(to)) if from > to => Err(Error::invalid_because(Code::InvalidQuery, "from is after to")),
        _ => Ok(filter),
    }
}
