//! Any token, by its own id.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::AuditAction;
use terrapi::domain::organization::{Authority, TeamToken, TeamTokenId, TokenHolder};
use terrapi::runtime::App;
use terrapi::store::Written;

use super::document::{TokenResource, creator, resource};
use crate::jsonapi::{Answer, Document, ErrorDocument, MEDIA_TYPE, Problem};
use crate::lookup::{Named, TokenPath};
use crate::principal::Principal;

/// Show a token
///
/// A token may always show itself.
#[utoipa::path(get, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_token(
    State(app): State<App>,
    caller: Principal,
    Named(id): Named,
) -> Result<Answer<Document<TokenResource>>, Problem> {
    let id = TeamTokenId::parse(&id).ok_or_else(Problem::not_found)?;
    let token = match caller.token().filter(|own| own.id == id) {
        Some(own) => own.clone(),
        None => managed_token(&app, &caller, id).await?.0,
    };
    let created_by = creator(&token, &caller, &app).await?;
    Ok(Answer::ok(Document { data: resource(&token, None, created_by) }))
}

/// Delete a token
///
/// It stops working at that moment.
#[utoipa::path(delete, path = "/api/v2/authentication-tokens/{token_id}", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_token(
    State(app): State<App>,
    mut caller: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let id = TeamTokenId::parse(&id).ok_or_else(Problem::not_found)?;
    loop {
        let (token, authority) = managed_token(&app, &caller, id).await?;
        let decision = caller.decision(authority, Vec::new(), &app)?;
        if app.store.delete_team_token(&token, &decision).await? == Written::Done {
            caller.audit(AuditAction::TeamTokenDeleted, &token, &app);
            return Ok(StatusCode::NO_CONTENT);
        }
        caller.again(&app).await?;
    }
}

/// A token that the caller may manage: a team's as the team's rules say, the organization's own if the organization is
/// theirs. With it comes what that was decided on.
async fn managed_token(app: &App, caller: &Principal, id: TeamTokenId) -> Result<(TeamToken, Authority), Problem> {
    let role = caller.role_in(id.organization(), app).await?.ok_or_else(Problem::not_found)?;
    let token = app.store.find_team_token(id).await?.ok_or_else(Problem::not_found)?;
    let authority = match token.holder {
        TokenHolder::Organization => role.owner(),
        TokenHolder::Team(team) => app.store.find_team(team).await?.and_then(|team| role.token_manager(&team)),
    };
    Ok((token, authority.ok_or_else(Problem::not_found)?))
}
