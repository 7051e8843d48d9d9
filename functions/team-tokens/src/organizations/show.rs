//! Shows an organization.

use axum::extract::State;
use terrapi::runtime::App;

use super::document::{OrganizationResource, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::lookup::{Named, OrganizationPath, With, organization};
use crate::principal::Principal;

/// Show an organization
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    responses((status = 200, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_organization(
    State(app): State<App>,
    caller: Principal,
    Named(name): Named,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    let (snapshot, role) = organization(&app, &caller, &name, With::Teams).await?;
    Ok(Answer::ok(Document { data: resource(&snapshot.organization, &role) }))
}
