//! Deletes a team.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::runtime::App;
use terrapi::store::Written;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::lookup::{Named, TeamPath, organization_of, team};
use crate::principal::{Note, Principal};

/// Delete a team
///
/// Its tokens stop working at that moment. The owners' team cannot be deleted.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 204), (status = 422, body = ErrorDocument, content_type = "application/vnd.api+json"),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_team(
    State(app): State<App>,
    mut caller: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    loop {
        let (team, role) = team(&app, &caller, &id).await?;
        let authority = role.manager().ok_or_else(Problem::not_found)?;
        if team.owners {
            return Err(Problem::attribute("/data", "The owners' team cannot be deleted"));
        }
        let organization = organization_of(&app, &caller, team.id.organization()).await?;
        let note = Note::new(AuditAction::TeamDeleted, &organization, Some(&team), BTreeMap::new());
        let decision = caller.decision(authority, vec![note], &app)?;
        if app.store.delete_team(&team, organization.namespace, &decision).await? == Written::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
        caller.again(&app).await?;
    }
}
