//! Lists the members of an installation for administrators, and removes memberships.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, Code, Error, Identity, Membership, Millis, Namespace,
    Permission, PermissionChange, Result, UserId, Vcs,
};
use terrapi::http::{Administrator, ApiError, ClientInfo, ErrorBody, ListQuery, Listed, Page, PathParams, Query};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::installation_listing::{InInstallation, list_in_installation};

pub type MemberPage = Page<MemberItem>;

impl Listed for MemberItem {
    const PAGE: [&str; 3] = [
        "MemberPage",
        "A page of members.",
        "GitHub's members first. The members of each provider are ordered by user id.",
    ];
}

/// A user's membership in an installation.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Member, example = json!({"user_id": "0190a5d0-ac96-774b-bcce-b302099a8057", "login": "octocat",
    "vcs": "github", "installation_id": "12345", "checked_at": "2026-01-31T08:00:00.000Z"}))]
pub struct MemberItem {
    /// The person.
    user_id: UserId,
    /// The login at the last sign-in with this provider; absent if the user never signed in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    login: Option<String>,
    /// The provider.
    vcs: Vcs,
    /// The installation, in decimal.
    installation_id: String,
    /// RFC 3339: when the provider last confirmed the membership; absent if it has not been asked yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = "date-time")]
    checked_at: Option<String>,
}

/// List the members of an installation
///
/// For administrators. A change appears within about a second. A page may have fewer than `limit` members, or none;
/// only a missing `next` link marks the end.
#[utoipa::path(get, path = "/api/v1/admin/users", tag = "administration", security(("bearer" = [])),
    params(("installation_id" = String, Query, description = "The installation, in decimal"),
        ("vcs" = Option<Vcs>, Query, description = "The provider of the installation; absent: both providers"), ListQuery),
    responses((status = 200, body = MemberPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_members(
    State(app): State<App>,
    administrator: Administrator,
    which: Query,
    query: ListQuery,
) -> Result<MemberPage, ApiError> {
    Ok(list_in_installation(&app, administrator.caller(), &which, query).await?)
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

/// Remove a membership
///
/// For administrators. Keys and sessions lose it at once, access tokens that were issued before within 65 seconds. If
/// GitHub or GitLab still lists the user as a member, the membership is restored when the user lists their
/// installations.
#[utoipa::path(delete, path = "/api/v1/admin/users/{id}/memberships/{vcs}/{installation_id}", tag = "administration",
    security(("bearer" = [])),
    params(("id" = UserId, Path, description = "The user"), ("vcs" = Vcs, Path, description = "The provider"),
        ("installation_id" = String, Path, description = "The installation, in decimal")),
    responses((status = 200, description = "Removed; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
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
    let audit_entry = app.audit_record(AuditEntry { subject: Some(change), ..entry })?;
    if !app.store.remove_membership(user, namespace, &audit_entry).await? {
        return Err(Error::NotFound.into());
    }
    Ok(StatusCode::OK)
}
