//! Deletes a team.

use axum::extract::State;
use http::StatusCode;
use terrapi::runtime::App;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::place::{Named, TeamPath, organization_of, team};
use crate::principal::Principal;

/// Delete a team
///
/// Its tokens stop working at that moment. The owners' team cannot be deleted.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 204), (status = 422, body = ErrorDocument, content_type = "application/vnd.api+json"),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_team(State(app): State<App>, caller: Principal, Named(id): Named) -> Result<StatusCode, Problem> {
    let (team, role) = team(&app, &caller, &id).await?;
    if !role.manages() {
        return Err(Problem::not_found());
    }
    if team.owners {
        return Err(Problem::attribute("/data", "The owners' team cannot be deleted"));
    }
    let organization = organization_of(&app, &caller, team.id.organization()).await?;
    app.store.delete_team(&team, organization.namespace).await?;
    Ok(StatusCode::NO_CONTENT)
}
