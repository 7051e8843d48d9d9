//! Changes a team.

use axum::extract::State;
use terrapi::runtime::App;

use super::TYPE;
use super::document::{TeamResource, resource};
use super::read::{NAME, TeamPayload, change, name_taken};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::place::{Named, TeamPath, organization_of, team};
use crate::principal::Principal;

/// Change a team
///
/// Only what is sent changes. The owners' team keeps its name and its access.
#[utoipa::path(patch, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    request_body(content = TeamPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<TeamResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_team(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
    payload: Payload,
) -> Result<Answer<Document<TeamResource>>, Problem> {
    let (old, role) = team(&app, &caller, &id).await?;
    let allowed = if old.owners { role.owns() } else { role.manages() };
    if !allowed {
        return Err(Problem::not_found());
    }
    let organization = organization_of(&app, &caller, old.id.organization()).await?;
    let change = change(&payload.attributes(&[TYPE])?, &organization, &role)?;
    if old.owners && change.name.as_ref().is_some_and(|name| *name != old.name) {
        return Err(Problem::attribute(NAME, "The owners' team cannot be renamed"));
    }
    let new = app.store.update_team(&old, change).await?.ok_or_else(name_taken)?;
    Ok(Answer::ok(Document { data: resource(&new, &organization.name, &role) }))
}
