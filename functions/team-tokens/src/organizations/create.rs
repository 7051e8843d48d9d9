//! Creates an organization.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use terrapi::domain::organization::{
    Authority, Organization, OrganizationAccess, OrganizationCode, OrganizationId, OrganizationSettings, Role, Team,
    TeamId, TeamName, Visibility,
};
use terrapi::domain::{AuditAction, Capabilities, Error, Millis, UserId};
use terrapi::runtime::App;
use terrapi::store::Written;

use super::TYPE;
use super::document::{OrganizationResource, resource};
use super::read::{EMAIL_POINTER, NAME, OrganizationPayload, change, installation, missing, name_taken, not_a_member};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::principal::{Note, Principal, Who};

/// Create an organization
///
/// Only a person can create an organization. They become its first owner.
#[utoipa::path(post, path = "/api/v2/organizations", tag = "organizations", security(("bearer" = [])),
    request_body(content = OrganizationPayload, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_organization(
    State(app): State<App>,
    caller: Principal,
    payload: Payload,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    let Who::Person(person) = &caller.who else { return Err(Problem::not_found()) };
    let attributes = payload.attributes(&[TYPE])?;
    let change = change(&attributes)?;
    let name = change.name.ok_or_else(|| missing(NAME))?;
    let email = change.email.ok_or_else(|| missing(EMAIL_POINTER))?;
    let organization = Organization {
        id: OrganizationId::new(OrganizationCode::new(app.random.bytes()?), app.random.bytes()?),
        name,
        email,
        namespace: installation(&app, person, &attributes).await?,
        created_at: app.clock.now(),
        token: None,
        settings: change.settings.applied_to(OrganizationSettings::default()),
        execution_mode: change.execution_mode.unwrap_or_default(),
    };
    let code = organization.id.organization();
    let owners = owners(TeamId::new(code, app.random.bytes()?), person.user, organization.created_at)?;
    // Membership in the installation gives the right to create the organization.
    let namespace = organization.namespace;
    let authority = Authority { member: Some((person.user, namespace)), ..Authority::default() };
    let note = Note::new(AuditAction::OrganizationCreated, &organization, None, BTreeMap::new());
    let decision = caller.decision(authority, vec![note], &app)?;
    match app.store.create_organization(&organization, &owners, &decision).await? {
        Written::Done => {}
        Written::Taken => return Err(name_taken()),
        Written::Outdated => return Err(not_a_member()),
    }
    let role = Role::Person { user: person.user, namespace, teams: vec![owners] };
    Ok(Answer::created(Document { data: resource(&organization, &role) }))
}

fn owners(id: TeamId, creator: UserId, now: Millis) -> Result<Team, Error> {
    Ok(Team {
        id,
        name: TeamName::new(TeamName::OWNERS).ok_or(Error::bug("no name for owners"))?,
        owners: true,
        visibility: Visibility::Secret,
        allow_member_token_management: true,
        access: OrganizationAccess { manage_teams: true, manage_workspaces: true, ..OrganizationAccess::default() },
        capabilities: Capabilities::default(),
        users: BTreeSet::from([creator]),
        created_at: now,
        token: None,
    })
}
