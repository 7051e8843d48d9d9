//! Deletes a team.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::Team;
use terrapi::runtime::App;
use terrapi::store::Written;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::lookup::{Granted, Manages};
use crate::principal::Note;

/// Delete a team
///
/// Requires the right to manage the organization's teams. The team's tokens stop working at once. The owners' team
/// cannot be deleted.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 204), (status = 422, body = ErrorDocument, content_type = "application/vnd.api+json"),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_team(State(app): State<App>, mut team: Granted<Team, Manages>) -> Result<StatusCode, Problem> {
    loop {
        if team.found.owners {
            return Err(Problem::attribute("/data", "The owners' team cannot be deleted"));
        }
        let organization = team.organization(&app).await?;
        let note = Note::new(AuditAction::TeamDeleted, &organization, Some(&team.found), BTreeMap::new());
        let decision = team.decision(vec![note], &app)?;
        if app.store.delete_team(&team.found, organization.namespace, &decision).await? == Written::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
        team.read_again(&app).await?;
    }
}
