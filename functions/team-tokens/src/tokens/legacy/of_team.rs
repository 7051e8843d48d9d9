//! A team's.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::TokenHolder;
use terrapi::runtime::App;

use super::super::document::TokenResource;
use super::super::mint::NewToken;
use super::{Created, Shown, created, delete, new, replace, show};
use crate::jsonapi::{Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Named, TeamPath, managed_team};
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
    mut caller: Principal,
    Named(id): Named,
    payload: Payload,
) -> Result<Created, Problem> {
    let (mut team, mut authority) = managed_team(&app, &caller, &id).await?;
    let (holder, organization) = (TokenHolder::Team(team.id), team.id.organization());
    let (token, secret) = new(&app, &caller, organization, holder, payload).await?;
    while !replace(&app, &caller, &token, team.token, authority).await? {
        caller.again(&app).await?;
        (team, authority) = managed_team(&app, &caller, &id).await?;
    }
    created(&app, &caller, &token, &secret).await
}

/// Show a team's legacy token
#[utoipa::path(get, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_legacy_token(State(app): State<App>, caller: Principal, Named(id): Named) -> Result<Shown, Problem> {
    let (team, _) = managed_team(&app, &caller, &id).await?;
    show(&app, &caller, team.token).await
}

/// Delete a team's legacy token
///
/// It stops working at that moment.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_legacy_token(
    State(app): State<App>,
    mut caller: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    loop {
        let (team, authority) = managed_team(&app, &caller, &id).await?;
        if delete(&app, &caller, team.token, authority).await? {
            return Ok(StatusCode::NO_CONTENT);
        }
        caller.again(&app).await?;
    }
}
