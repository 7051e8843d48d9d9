//! An organization's: it manages everything in it.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::{Organization, TokenHolder};
use terrapi::runtime::App;

use super::super::document::TokenResource;
use super::super::mint::NewToken;
use super::{Created, Shown, delete, replace, show};
use crate::jsonapi::{Document, ErrorDocument, MEDIA_TYPE, Parameters, Payload, Problem};
use crate::place::{Named, OrganizationPath, With, organization};
use crate::principal::Principal;

/// Create or replace an organization's token
///
/// For its owners. The one before stops working at that moment. The answer is the only one that shows the secret.
#[utoipa::path(post, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    request_body(content = Option<NewToken>, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_organization_token(
    State(app): State<App>,
    caller: Principal,
    Named(name): Named,
    parameters: Parameters,
    payload: Payload,
) -> Result<Created, Problem> {
    let organization = owned(&app, &caller, &name).await?;
    // Clients ask so for tokens of other kinds. To ignore it would replace this one.
    if parameters.text("token").is_some_and(|kind| !kind.is_empty()) {
        return Err(Problem::parameter("token", "There are no tokens of other kinds"));
    }
    let code = organization.id.organization();
    replace(&app, &caller, code, (TokenHolder::Organization, organization.token), payload).await
}

/// Show an organization's token
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_organization_token(
    State(app): State<App>,
    caller: Principal,
    Named(name): Named,
) -> Result<Shown, Problem> {
    show(&app, &caller, owned(&app, &caller, &name).await?.token).await
}

/// Delete an organization's token
///
/// It stops working at that moment.
#[utoipa::path(delete, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(OrganizationPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_organization_token(
    State(app): State<App>,
    caller: Principal,
    Named(name): Named,
) -> Result<StatusCode, Problem> {
    delete(&app, &caller, owned(&app, &caller, &name).await?.token).await
}

async fn owned(app: &App, caller: &Principal, name: &str) -> Result<Organization, Problem> {
    let (roster, role) = organization(app, caller, name, With::Teams).await?;
    if role.owns() { Ok(roster.organization) } else { Err(Problem::not_found()) }
}
