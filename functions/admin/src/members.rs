//! Shows administrators who is a member of an installation, and takes memberships away.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, Code, Error, Identity, Membership, Millis, Namespace,
    Permission, PermissionChange, Result, UserId, Vcs,
};
use terrapi::http::{Administrator, ApiError, ClientInfo, ErrorBody, Origin, PageQuery, PathParams, Query};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::installation_listing::{InInstallation, InstallationListing};

/// A page of members.
#[derive(Debug, Serialize, ToSchema)]
pub struct MemberPage {
    /// GitHub's first, each by the user's id.
    results: Vec<MemberItem>,
    /// The cursor in the `Link` header, to pass as `page`; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_cursor: Option<String>,
}

/// A person's membership in an installation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member, example = json!({"user_id": "0190a5d0-ac96-774b-bcce-b302099a8057", "login": "octocat",
    "vcs": "github", "installation_id": "12345", "checked_at": "2026-01-31T08:00:00.000Z"}))]
pub struct MemberItem {
    /// The person.
    user_id: UserId,
    /// Their login at the provider when they last signed in there; absent for a person who never did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    login: Option<String>,
    /// The provider.
    vcs: Vcs,
    /// The installation, in decimal.
    installation_id: String,
    /// RFC 3339: when the provider last confirmed the membership; absent when it has not been asked yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time")]
    checked_at: Option<String>,
}

/// List the members of an installation
///
/// For administrators. A change is here within a second or so. A page may be shorter than `limit`, even empty; only a missing
/// `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "administration", security(("bearer" = [])),
    params(("installation_id" = String, Query, description = "Which installation, in decimal"),
        ("vcs" = Option<Vcs>, Query, description = "Whose numbering it belongs to; both when absent"), PageQuery),
    responses((status = 200, body = MemberPage, headers(("link" = String, description = "RFC 8288: `<…>; rel=\"next\"`. Absent on the last page."))), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_members(
    State(app): State<App>,
    _: Administrator,
    query: Query,
    origin: Origin,
) -> Result<Response, ApiError> {
    let listing = InstallationListing::<MemberItem>::read(&query)?;
    let (results, next) = listing.page(&app).await?;
    let next = listing.next(&origin, next.as_ref())?;
    Ok((next.link, Json(MemberPage { results, next_cursor: next.cursor })).into_response())
}

impl InInstallation for MemberItem {
    const KIND: &'static str = "members";
    type After = UserId;

    async fn read(
        app: &App,
        namespace: Namespace,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<(Vec<Self>, Option<UserId>)> {
        let (members, next) = app.store.list_members(namespace, after, limit).await?;
        let users: Vec<UserId> = members.iter().map(|(user, _)| *user).collect();
        let people = app.store.find_identities(&users, namespace.vcs).await?;
        let shown = members.into_iter().map(|(user, membership)| shown(namespace, user, membership, people.get(&user)));
        Ok((shown.collect(), next))
    }
}

fn shown(namespace: Namespace, user: UserId, membership: Membership, person: Option<&Identity>) -> MemberItem {
    MemberItem {
        user_id: user,
        login: person.map(|person| person.profile.login.clone()),
        vcs: namespace.vcs,
        installation_id: namespace.installation.to_string(),
        checked_at: membership.checked_at.map(Millis::rfc3339),
    }
}

/// Take a membership away
///
/// For administrators. It ends at once for keys and sessions, and for access tokens that are already out within 65 seconds.
/// A person whom GitHub or GitLab still lists is a member again when they list their installations.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/memberships/{vcs}/{installation_id}", tag = "administration",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "Whose membership"), ("vcs" = Vcs, Path, description = "The provider"),
        ("installation_id" = String, Path, description = "In which installation, in decimal")),
    responses((status = 200, description = "Taken away; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn remove_membership(
    State(app): State<App>,
    administrator: Administrator,
    client: ClientInfo,
    path: PathParams,
) -> Result<StatusCode, ApiError> {
    let user = UserId::parse(path.text("id"));
    let user = user.ok_or_else(|| Error::invalid_because(Code::InvalidPath, "a user's id is a UUID"))?;
    let namespace = path.namespace()?;
    let change = PermissionChange { user, permission: Permission::Member(namespace), change: AuditChange::Revoked };
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = client.audited(app.clock.now(), done, administrator.caller().user, None);
    let note = app.audit_record(AuditEntry { subject: Some(change), ..entry })?;
    if !app.store.remove_membership(user, namespace, &note).await? {
        return Err(Error::NotFound.into());
    }
    Ok(StatusCode::OK)
}
