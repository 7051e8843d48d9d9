//! Deletes an organization.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::Organization;
use terrapi::runtime::App;
use terrapi::store::Written;

use crate::jsonapi::{ErrorDocument, Problem};
use crate::lookup::{Granted, Owns};
use crate::principal::Note;

/// Delete an organization
///
/// Requires an owner. Deletes its teams and all tokens as well. If it fails, repeating the request deletes the rest.
#[utoipa::path(delete, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_organization(
    State(app): State<App>,
    mut owned: Granted<Organization, Owns>,
) -> Result<StatusCode, Problem> {
    loop {
        let organization = &owned.found.organization;
        let note = Note::new(AuditAction::OrganizationDeleted, organization, None, BTreeMap::new());
        let decision = owned.decision(vec![note], &app)?;
        if app.store.delete_organization(organization, &decision).await? == Written::Done {
            return Ok(StatusCode::NO_CONTENT);
        }
        owned.read_again(&app).await?;
    }
}
