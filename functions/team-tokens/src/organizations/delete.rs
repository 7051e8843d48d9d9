//! Deletes an organization.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::runtime::App;
use terrapi::store::Written;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::lookup::{Named, OrganizationPath, With, organization};
use crate::principal::{Note, Principal};

/// Delete an organization
///
/// For its owners. Its teams and all tokens go with it; what is left after a failure goes with the next try.
#[utoipa::path(delete, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_organization(
    State(app): State<App>,
    mut caller: Principal,
    Named(name): Named,
) -> Result<StatusCode, Problem> {
    loop {
        let (snapshot, role) = organization(&app, &caller, &name, With::Teams).await?;
        let authority = role.owner().ok_or_else(Problem::not_found)?;
        let note = Note::new(AuditAction::OrganizationDeleted, &snapshot.organization, None, BTreeMap::new());
        let decision = caller.decision(authority, vec![note], &app)?;
        if app.store.delete_organization(&snapshot.organization, &decision).await? == Written::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
        caller.again(&app).await?;
    }
}
