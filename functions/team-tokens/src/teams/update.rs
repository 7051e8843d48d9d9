//! Changes a team.

use axum::extract::State;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::Team;
use terrapi::runtime::App;
use terrapi::store::Written;

use super::TYPE;
use super::document::{TeamResource, resource};
use super::notes::changed;
use super::read::{NAME, TeamPayload, change, name_taken};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Changes, Granted};
use crate::principal::Note;

/// Change a team
///
/// Absent attributes do not change. The owners' team cannot be renamed. Only owners may change a team's rights; other
/// callers who may change the team may send these attributes with their current values.
#[utoipa::path(patch, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = TeamPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<TeamResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_team(
    State(app): State<App>,
    mut team: Granted<Team, Changes>,
    payload: Payload,
) -> Result<Answer<Document<TeamResource>>, Problem> {
    let organization = team.organization(&app).await?;
    let sent = change(&payload.attributes(&[TYPE])?, &organization)?;
    loop {
        let old = &team.found;
        let change = sent.clone().differing_from(old);
        // Only owners may change a team's rights.
        let gives = !change.access.each().is_empty() || change.capabilities.is_some();
        let authority = if gives { team.role.owner().ok_or_else(Problem::not_found)? } else { team.authority };
        if old.owners && change.name.is_some() {
            return Err(Problem::attribute(NAME, "The owners' team cannot be renamed"));
        }
        let note = Note::new(AuditAction::TeamChanged, &organization, Some(old), changed(&change)?);
        let decision = team.caller.decision(authority, vec![note], &app)?;
        match app.store.update_team(old, &change, &decision).await? {
            Written::Done => break,
            Written::Taken => return Err(name_taken()),
            Written::Outdated => team.read_again(&app).await?,
        }
    }
    // Concurrent requests may have changed other attributes.
    let new = app.store.find_team(team.found.id).await?.ok_or_else(Problem::not_found)?;
    Ok(Answer::ok(Document { data: resource(&new, &organization.name, &team.role) }))
}
