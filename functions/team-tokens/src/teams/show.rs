//! Shows a team.

use axum::extract::State;
use terrapi::runtime::App;

use super::document::{TeamResource, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::place::{Named, TeamPath, organization_of, team};
use crate::principal::Principal;

/// Show a team
#[utoipa::path(get, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 200, body = Document<TeamResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_team(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
) -> Result<Answer<Document<TeamResource>>, Problem> {
    let (team, role) = team(&app, &caller, &id).await?;
    let organization = organization_of(&app, &caller, team.id.organization()).await?;
    Ok(Answer::ok(Document { data: resource(&team, &organization.name, &role) }))
}
