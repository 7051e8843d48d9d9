//! Shows the audit trail: a key's to its owner, all of it to administrators.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use terrapi::domain::organization::TeamTokenId;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditFilter, AuditOutcome, AuditedOrganization, Caller, Capabilities,
    Capability, Code, Error, KeyId, Permission, PermissionChange, Result, UserId, Vcs,
};
use terrapi::http::{
    AccessTokenCreate, Administrator, ApiError, ErrorBody, Listing, OnVcs, Origin, PageQuery, PathParams, Query,
    VcsPath,
};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// Newest first.
    results: Vec<AuditItem>,
    /// The cursor in the `Link` header, to pass as `page`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditItem {
    /// RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// What was done, or tried.
    action: AuditAction,
    /// How it ended.
    outcome: AuditOutcome,
    /// On whose behalf; `null` when a sign-in was refused before anybody knew whose it was.
    #[schema(required = true)]
    actor: Option<UserId>,
    /// The key, if it was about one, or an organization or team was changed with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = KeyId, required = false, nullable = false)]
    key_id: Option<KeyId>,
    /// The same in its own form, if it was about a token of a team or an organization.
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
    /// Where a person signed in, or tried to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vcs, required = false, nullable = false)]
    vcs: Option<Vcs>,
    /// The `id` of the answer to a refused sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "INVALID_STATE")]
    reason: Option<&'static str>,
    /// The client's address; `null` when the front end did not tell.
    source_ip: Option<String>,
    /// The client's word for itself; `null` when it gave none.
    user_agent: Option<String>,
}

/// A permission that a person was given, or lost.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"user_id": "0190a5d0-ac96-774b-bcce-b302099a8057", "permission": "member", "change": "granted",
    "vcs": "github", "installation_id": "12345"}))]
pub struct AuditSubject {
    /// Whose.
    user_id: UserId,
    /// `administrator`, `member` of an installation, or `team_member`.
    permission: &'static str,
    /// Whether it was given or taken away.
    change: AuditChange,
    /// Whose numbering the installation's number belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vcs, required = false, nullable = false)]
    vcs: Option<Vcs>,
    /// Which installation, in decimal.
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

impl AuditPage {
    fn new(entries: Vec<AuditEntry>, next_cursor: Option<String>) -> Self {
        Self { results: entries.into_iter().map(AuditItem::from).collect(), next_cursor }
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
/// Newest first, kept for 90 days, also after the key was deleted. The key's owner reads it, with a credential that is not
/// limited to installations, or limited to all those that the key is limited to.
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
    let filter = AuditFilter { key: Some(id), ..AuditFilter::default() };
    let listing = Listing::new(&app, caller.caller(), &format!("audit#{id}"));
    let limit = query.limit(20, 100)?;
    let after: Option<String> = listing.start(&query).await?;
    if !trail_visible(&app, caller.caller(), id).await? {
        return Err(Error::NotFound.into());
    }
    let (entries, next) = app.store.list_audit(&filter, after.as_deref(), limit, app.clock.now()).await?;
    // Every entry names the owner; a page of a stranger's key, or of no key, is nothing at all.
    if entries.first().is_none_or(|entry| entry.actor != Some(caller.caller().user)) {
        return Err(Error::NotFound.into());
    }
    let next = listing.next_page(&origin, next.as_ref(), &[("limit", &limit.to_string())]).await?;
    Ok((next.link, Json(AuditPage::new(entries, next.cursor))).into_response())
}

/// Whether a caller's limits to installations let them see a key's trail. The key's row says what it is limited to, and
/// after its end the entry of its deletion. No read for a caller without such limits.
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

/// The parameters that choose entries.
const FILTERS: [&str; 6] = ["key", "user", "action", "outcome", "from", "to"];

/// List the audit trail
///
/// Newest first, kept for 90 days. For administrators. An entry is here within a second or so, and at once when `key`
/// names its key. A page may be shorter than `limit`, even empty; only a missing `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/audit", tag = "administration", security(("bearer" = [])),
    params(
        ("key" = Option<KeyId>, Query, description = "Only what is about this key; that of a token of a team or an organization is its `key_id`"),
        ("user" = Option<UserId>, Query, description = "Only what was done on behalf of this person"),
        ("action" = Option<AuditAction>, Query, description = "Only this"),
        ("outcome" = Option<AuditOutcome>, Query, description = "Only what ended so"),
        ("from" = Option<String>, Query, format = DateTime, description = "RFC 3339: from this instant on"),
        ("to" = Option<String>, Query, format = DateTime, description = "RFC 3339: before this instant"),
        PageQuery),
    responses((status = 200, body = AuditPage, headers(("link" = String, description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page."))), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_audit(
    State(app): State<App>,
    administrator: Administrator,
    query: Query,
    origin: Origin,
) -> Result<Response, ApiError> {
    let filter = filter(&query)?;
    // A cursor belongs to its filters: among other entries its place would mean something else.
    let listing = Listing::new(&app, administrator.caller(), &format!("audit#{filter:?}"));
    let limit = query.limit(20, 100)?;
    let after: Option<String> = listing.start(&query).await?;
    let (entries, next) = app.store.list_audit(&filter, after.as_deref(), limit, app.clock.now()).await?;
    let size = limit.to_string();
    let mut repeated = vec![("limit", size.as_str())];
    for name in FILTERS {
        repeated.extend(query.text(name)?.map(|value| (name, value)));
    }
    let next = listing.next_page(&origin, next.as_ref(), &repeated).await?;
    Ok((next.link, Json(AuditPage::new(entries, next.cursor))).into_response())
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
