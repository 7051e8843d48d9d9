//! A team's.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::TokenHolder;
use terrapi::runtime::App;

use super::super::document::TokenResource;
use super::super::mint::NewToken;
use super::{Created, Shown, delete, replace, show};
use crate::jsonapi::{Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
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
) -> Result<Created, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
    replace(&app, &caller, team.id.organization(), (TokenHolder::Team(team.id), team.token), payload).await
}

/// Show a team's legacy token
#[utoipa::path(get, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TeamPath),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_legacy_token(State(app): State<App>, caller: Principal, Named(id): Named) -> Result<Shown, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
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
    caller: Principal,
    Named(id): Named,
) -> Result<StatusCode, Problem> {
    let team = managed_team(&app, &caller, &id).await?;
    delete(&app, &caller, team.token).await
}
