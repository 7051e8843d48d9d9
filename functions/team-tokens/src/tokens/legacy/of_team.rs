//! The one token of a team that goes without a description.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Team, TeamToken, TokenHolder};
use terrapi::runtime::App;

use super::document::{TokenResource, creator, resource};
use super::mint::{NewToken, minted};
use super::{EXPIRED_AT, TYPES};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::place::{Named, TeamPath, managed_team};
use crate::principal::Principal;

/// Create or replace a team's legacy token
///
/// The one before stops working at that moment. The answer is the only one that shows the secret.
#[utoipa::path(post, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    request_body(content = Option<NewToken>, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_legacy_token(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
    payload: Payload,
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
    let expired_at = payload.attributes(TYPES)?.instant(EXPIRED_AT)?;
    let holder = TokenHolder::Team(team.id);
    let (token, secret) = minted(&app, &caller, team.id.organization(), holder, None, expired_at).await?;
    let replaced = app.store.replace_legacy_token(&token, team.token).await?;
    let action = if replaced.is_some() { AuditAction::TeamTokenReplaced } else { AuditAction::TeamTokenCreated };
    caller.audit(action, &token, &app);
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::created(Document { data: resource(&token, Some(&secret), created_by) }))
}

/// Show a team's legacy token
#[utoipa::path(get, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_legacy_token(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
    let token = legacy_token(&app, &team).await?;
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
}

/// Delete a team's legacy token
///
/// It stops working at that moment.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_legacy_token(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
    let token = legacy_token(&app, &team).await?;
    app.store.delete_team_token(&token).await?;
    caller.audit(AuditAction::TeamTokenDeleted, &token, &app);
    Ok(StatusCode::NO_CONTENT)
}

async fn legacy_token(app: &App, team: &Team) -> Result<TeamToken, Problem> {
    let id = team.token.ok_or_else(Problem::not_found)?;
    app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)
}
