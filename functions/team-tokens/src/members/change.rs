//! Adds people to a team and removes them.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::{Organization, Role, Team};
use terrapi::domain::{AuditAction, AuditChange, Permission, PermissionChange, UserId};
use terrapi::runtime::App;
use terrapi::store::{Store, Written};

use super::{MEMBERSHIPS, Member, USERS, members, members_of};
use crate::jsonapi::{ErrorDocument, Identifiers, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Changes, Granted, Visible};
use crate::principal::Note;

/// Add people to a team
///
/// Identified by their logins. They must have signed in with the organization's VCS and be members of its installation.
#[utoipa::path(post, path = "/api/v2/teams/{team_id}/relationships/users", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = Identifiers, content_type = MEDIA_TYPE),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn add_users(
    State(app): State<App>,
    team: Granted<Team, Changes>,
    payload: Payload,
) -> Result<StatusCode, Problem> {
    change(&app, team, payload, (USERS, AuditChange::Granted)).await
}

/// Remove people from a team
///
/// Identified by their logins. They lose their rights at once. The last owner cannot be removed.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}/relationships/users", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = Identifiers, content_type = MEDIA_TYPE),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn remove_users(
    State(app): State<App>,
    team: Granted<Team, Changes>,
    payload: Payload,
) -> Result<StatusCode, Problem> {
    change(&app, team, payload, (USERS, AuditChange::Revoked)).await
}

/// Add members of the organization to a team
#[utoipa::path(post, path = "/api/v2/teams/{team_id}/relationships/organization-memberships", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = Identifiers, content_type = MEDIA_TYPE),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn add_memberships(
    State(app): State<App>,
    team: Granted<Team, Changes>,
    payload: Payload,
) -> Result<StatusCode, Problem> {
    change(&app, team, payload, (MEMBERSHIPS, AuditChange::Granted)).await
}

/// Remove members of the organization from a team
///
/// They lose their rights at once. The last owner cannot be removed.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}/relationships/organization-memberships", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = Identifiers, content_type = MEDIA_TYPE),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn remove_memberships(
    State(app): State<App>,
    team: Granted<Team, Changes>,
    payload: Payload,
) -> Result<StatusCode, Problem> {
    change(&app, team, payload, (MEMBERSHIPS, AuditChange::Revoked)).await
}

async fn change(
    app: &App,
    mut team: Granted<Team, Changes>,
    payload: Payload,
    (kind, change): (&str, AuditChange),
) -> Result<StatusCode, Problem> {
    let organization = team.organization(app).await?;
    let ids = payload.identifiers(kind)?;
    loop {
        let Visible { found, role, .. } = &*team;
        let named = match (kind, change) {
            (USERS, AuditChange::Granted) => by_login(app, &organization, found, role, &ids).await?,
            (_, AuditChange::Granted) => by_membership(app, &organization, role, &ids).await?,
            (_, AuditChange::Revoked) => in_team(app, &organization, found, role, &ids).await?,
        };
        let users = named.into_iter().filter(|user| found.users.contains(user) == (change == AuditChange::Revoked));
        let users: Vec<_> = users.collect();
        if change == AuditChange::Revoked && found.owners && !users.is_empty() && users.len() == found.users.len() {
            return Err(Problem::attribute("/data", "The last owner cannot be removed"));
        }
        if written(app, &team, &organization, &users, change).await? {
            return Ok(StatusCode::NO_CONTENT);
        }
        team.read_again(app).await?;
    }
}

/// Writes a change of members in parts. `false` if the change must be decided again; the parts that were written stay.
async fn written(
    app: &App,
    team: &Granted<Team, Changes>,
    organization: &Organization,
    users: &[UserId],
    change: AuditChange,
) -> Result<bool, Problem> {
    for part in users.chunks(Store::MEMBERS_AT_ONCE) {
        let note = |user: &UserId| Note {
            subject: Some(PermissionChange { user: *user, permission: Permission::TeamMember, change }),
            ..Note::new(AuditAction::PermissionChanged, organization, Some(&team.found), BTreeMap::new())
        };
        let decision = team.decision(part.iter().map(note).collect(), app)?;
        let outcome = match change {
            AuditChange::Granted => app.store.add_members(&team.found, organization.namespace, part, &decision).await?,
            AuditChange::Revoked => app.store.remove_members(&team.found, part, &decision).await?,
        };
        if outcome != Written::Done {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The people with these logins. Logins and ids of people who are in the team already are skipped.
async fn by_login(
    app: &App,
    organization: &Organization,
    team: &Team,
    role: &Role,
    logins: &BTreeSet<String>,
) -> Result<BTreeSet<UserId>, Problem> {
    let found = app.store.find_members_by_login(organization.namespace, logins).await?;
    let present = members(app, organization, [team], role).await?;
    let is_present =
        |login: &String| present.iter().any(|member| [member.username(), member.user_id()].contains(login));
    if let Some(missing) = logins.iter().find(|login| !found.contains_key(*login) && !is_present(login)) {
        let detail = format!("No member of the installation with the login {missing} has signed in");
        return Err(Problem::attribute("/data", detail));
    }
    Ok(found.into_values().collect())
}

/// The people with these memberships.
async fn by_membership(
    app: &App,
    organization: &Organization,
    role: &Role,
    ids: &BTreeSet<String>,
) -> Result<BTreeSet<UserId>, Problem> {
    let code = organization.id.organization();
    let snapshot = app.store.find_organization_snapshot(code).await?.ok_or_else(Problem::not_found)?;
    let members = members_of(app, &snapshot, role).await?;
    let found: BTreeSet<_> =
        members.iter().filter(|member| ids.contains(&member.id(organization))).map(|member| member.user).collect();
    if found.len() < ids.len() {
        return Err(Problem::attribute("/data", "Data names a membership that the organization does not have"));
    }
    Ok(found)
}

/// The members of a team with one of these logins, user ids or membership ids. Other ids are skipped.
async fn in_team(
    app: &App,
    organization: &Organization,
    team: &Team,
    role: &Role,
    ids: &BTreeSet<String>,
) -> Result<BTreeSet<UserId>, Problem> {
    let members = members(app, organization, [team], role).await?;
    let named = |member: &&Member| {
        [member.username(), member.user_id(), member.id(organization)].iter().any(|id| ids.contains(id))
    };
    Ok(members.iter().filter(named).map(|member| member.user).collect())
}
