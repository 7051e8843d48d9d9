//! An organization's own token: it manages everything in it.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Organization, TeamToken, TokenHolder};
use terrapi::runtime::App;

use super::document::{TokenResource, creator, resource};
use super::mint::{NewToken, minted};
use super::{EXPIRED_AT, TYPES};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
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
    payload: Payload,
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let organization = owned(&app, &caller, &name).await?;
    let expired_at = payload.attributes(TYPES)?.instant(EXPIRED_AT)?;
    let (code, holder) = (organization.id.organization(), TokenHolder::Organization);
    let (token, secret) = minted(&app, &caller, code, holder, None, expired_at).await?;
    let replaced = app.store.replace_legacy_token(&token, organization.token).await?;
    let action = if replaced.is_some() { AuditAction::TeamTokenReplaced } else { AuditAction::TeamTokenCreated };
    caller.audit(action, &token, &app);
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::created(Document { data: resource(&token, Some(&secret), created_by) }))
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
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let organization = owned(&app, &caller, &name).await?;
    let token = own_token(&app, &organization).await?;
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
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
    let organization = owned(&app, &caller, &name).await?;
    let token = own_token(&app, &organization).await?;
    app.store.delete_team_token(&token).await?;
    caller.audit(AuditAction::TeamTokenDeleted, &token, &app);
    Ok(StatusCode::NO_CONTENT)
}

async fn owned(app: &App, caller: &Principal, name: &str) -> Result<Organization, Problem> {
    let (roster, role) = organization(app, caller, name, With::Teams).await?;
    if role.owns() { Ok(roster.organization) } else { Err(Problem::not_found()) }
}

async fn own_token(app: &App, organization: &Organization) -> Result<TeamToken, Problem> {
    let id = organization.token.ok_or_else(Problem::not_found)?;
    app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)
}
