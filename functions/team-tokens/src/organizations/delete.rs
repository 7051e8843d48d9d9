//! Deletes an organization.

use axum::extract::State;
use http::StatusCode;
use terrapi::runtime::App;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::place::{Named, OrganizationPath, With, organization};
use crate::principal::Principal;

/// Delete an organization
///
/// For its owners. Its teams and all tokens go with it; what is left after a failure goes with the next try.
#[utoipa::path(delete, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_organization(
    State(app): State<App>,
    caller: Principal,
    Named(name): Named,
) -> Result<StatusCode, Problem> {
    let (roster, role) = organization(&app, &caller, &name, With::Teams).await?;
    if !role.owns() {
        return Err(Problem::not_found());
    }
    app.store.delete_organization(&roster.organization).await?;
    Ok(StatusCode::NO_CONTENT)
}
