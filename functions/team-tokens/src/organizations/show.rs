//! Shows an organization.

use terrapi::domain::organization::Organization;

use super::document::{OrganizationResource, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::lookup::Visible;

/// Show an organization
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 200, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_organization(
    Visible { found: snapshot, role, .. }: Visible<Organization>,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    Ok(Answer::ok(Document { data: resource(&snapshot.organization, &role) }))
}
