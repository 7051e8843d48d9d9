//! Creates a team.

use std::collections::BTreeSet;

use axum::extract::State;
use terrapi::domain::organization::{Organization, OrganizationAccess, Team, TeamId};
use terrapi::domain::{AuditAction, Capabilities};
use terrapi::runtime::App;
use terrapi::store::Written;

use super::TYPE;
use super::document::{TeamResource, resource};
use super::notes::given;
use super::read::{NAME, NAME_PROBLEM, TeamPayload, change, name_taken};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Granted, Manages};
use crate::principal::Note;

/// Create a team
///
/// Requires the right to manage the organization's teams.
#[utoipa::path(post, path = "/api/v2/organizations/{organization_name}/teams", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = TeamPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<TeamResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_team(
    State(app): State<App>,
    mut granted: Granted<Organization, Manages>,
    payload: Payload,
) -> Result<Answer<Document<TeamResource>>, Problem> {
    let organization = granted.found.organization.clone();
    let change = change(&payload.attributes(&[TYPE, "organizations"])?, &organization)?;
    let name = change.name.ok_or_else(|| Problem::attribute(NAME, NAME_PROBLEM))?;
    let team = Team {
        id: TeamId::new(organization.id.organization(), app.random.bytes()?),
        name,
        owners: false,
        visibility: change.visibility.unwrap_or_default(),
        allow_member_token_management: change.allow_member_token_management.unwrap_or(true),
        access: change.access.applied_to(OrganizationAccess::default()),
        capabilities: change.capabilities.unwrap_or_default(),
        users: BTreeSet::new(),
        created_at: app.clock.now(),
        token: None,
    };
    // Only owners may give a team rights.
    let gives = team.access != OrganizationAccess::default() || team.capabilities != Capabilities::default();
    loop {
        let role = &granted.role;
        let authority = if gives { role.owner().ok_or_else(Problem::not_found)? } else { granted.authority };
        let note = Note::new(AuditAction::TeamCreated, &organization, Some(&team), given(&team)?);
        let decision = granted.caller.decision(authority, vec![note], &app)?;
        match app.store.create_team(&team, organization.namespace, &decision).await? {
            Written::Done => return Ok(Answer::ok(Document { data: resource(&team, &organization.name, role) })),
            Written::Taken => return Err(name_taken()),
            Written::Outdated => granted.read_again(&app).await?,
        }
    }
}
