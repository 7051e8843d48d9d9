//! Changes a team.

use axum::extract::State;
use terrapi::domain::AuditAction;
use terrapi::runtime::App;
use terrapi::store::Written;

use super::TYPE;
use super::document::{TeamResource, resource};
use super::notes::changed;
use super::read::{NAME, TeamPayload, change, name_taken};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Named, TeamPath, organization_of, team};
use crate::principal::{Note, Principal};

/// Change a team
///
/// Only what is sent changes. The owners' team keeps its name. Owners alone change what a team may do; anybody else who may
/// change the team may send those attributes back as they are.
#[utoipa::path(patch, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    request_body(content = TeamPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<TeamResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_team(
    State(app): State<App>,
    mut caller: Principal,
    Named(id): Named,
    payload: Payload,
) -> Result<Answer<Document<TeamResource>>, Problem> {
    let (mut old, mut role) = team(&app, &caller, &id).await?;
    role.changer(&old).ok_or_else(Problem::not_found)?;
    let organization = organization_of(&app, &caller, old.id.organization()).await?;
    let sent = change(&payload.attributes(&[TYPE])?, &organization)?;
    loop {
        let change = sent.clone().differing_from(&old);
        // What a team may do is for owners to give and to take.
        let gives = !change.access.each().is_empty() || change.capabilities.is_some();
        let authority = if gives { role.owner() } else { role.changer(&old) }.ok_or_else(Problem::not_found)?;
        if old.owners && change.name.is_some() {
            return Err(Problem::attribute(NAME, "The owners' team cannot be renamed"));
        }
        let note = Note::new(AuditAction::TeamChanged, &organization, Some(&old), changed(&change)?);
        let decision = caller.decision(authority, vec![note], &app)?;
        match app.store.update_team(&old, &change, &decision).await? {
            Written::Done => break,
            Written::Taken => return Err(name_taken()),
            Written::Outdated => caller.again(&app).await?,
        }
        (old, role) = team(&app, &caller, &id).await?;
    }
    // Others may have changed other attributes meanwhile.
    let new = app.store.find_team(old.id).await?.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(Document { data: resource(&new, &organization.name, &role) }))
}
