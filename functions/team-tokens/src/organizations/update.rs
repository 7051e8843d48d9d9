//! Changes an organization.

use axum::extract::State;
use terrapi::runtime::App;
use terrapi::store::OrganizationChange;

use super::TYPE;
use super::document::{OrganizationResource, resource};
use super::read::{OrganizationPayload, email, name, name_taken};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::place::{Named, OrganizationPath, With, organization};
use crate::principal::Principal;

/// Change an organization
///
/// For its owners. Only its name and address change; a new name is its address here from then on.
#[utoipa::path(patch, path = "/api/v2/organizations/{organization_name}", tag = "organizations",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    request_body(content = OrganizationPayload, content_type = MEDIA_TYPE),
    responses((status = 200, body = Document<OrganizationResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn update_organization(
    State(app): State<App>,
    caller: Principal,
    Named(path): Named,
    payload: Payload,
) -> Result<Answer<Document<OrganizationResource>>, Problem> {
    let (roster, role) = organization(&app, &caller, &path, With::Teams).await?;
    if !role.owns() {
        return Err(Problem::not_found());
    }
    let attributes = payload.attributes(&[TYPE])?;
    let change = OrganizationChange { name: name(&attributes)?, email: email(&attributes)? };
    let Some(new) = app.store.update_organization(&roster.organization, change).await? else {
        return Err(name_taken());
    };
    Ok(Answer::ok(Document { data: resource(&new, &role) }))
}
