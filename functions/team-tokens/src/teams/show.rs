//! Shows a team.

use axum::extract::State;
use terrapi::domain::organization::Team;
use terrapi::runtime::App;

use super::document::{TeamResource, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Parameters, Problem};
use crate::lookup::Visible;
use crate::members::document::{Compound, IncludeParams, asks_for, included};
use crate::members::{MEMBERSHIPS, USERS, members};

/// Show a team
#[utoipa::path(get, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(IncludeParams),
    responses((status = 200, body = Compound<Document<TeamResource>>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_team(
    State(app): State<App>,
    visible: Visible<Team>,
    parameters: Parameters,
) -> Result<Answer<Compound<Document<TeamResource>>>, Problem> {
    let organization = visible.organization(&app).await?;
    let Visible { found: team, role, .. } = visible;
    let members = if asks_for(&parameters, USERS) || asks_for(&parameters, MEMBERSHIPS) {
        members(&app, &organization, [&team], &role).await?
    } else {
        Vec::new()
    };
    let included = included(&members, &organization, &role, &parameters);
    let document = Document { data: resource(&team, &organization.name, &role) };
    Ok(Answer::ok(Compound { document, included }))
}
