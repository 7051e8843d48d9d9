//! The legacy token of a team.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::Team;
use terrapi::runtime::App;

use super::super::document::{NewToken, TokenResource};
use super::{Created, Shown, delete, replace, show};
use crate::jsonapi::{Document, ErrorDocument, MEDIA_TYPE, Payload, Problem};
use crate::lookup::{Granted, ManagesTokens};

/// Create or replace a team's legacy token
///
/// The previous token stops working at once. Only this answer contains the secret.
#[utoipa::path(post, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
    request_body(content = Option<NewToken>, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_legacy_token(
    State(app): State<App>,
    team: Granted<Team, ManagesTokens>,
    payload: Payload,
) -> Result<Created, Problem> {
    replace(&app, team, payload).await
}

/// Show a team's legacy token
#[utoipa::path(get, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_legacy_token(State(app): State<App>, team: Granted<Team, ManagesTokens>) -> Result<Shown, Problem> {
    show(&app, team).await
}

/// Delete a team's legacy token
///
/// The token stops working at once.
#[utoipa::path(delete, path = "/api/v2/teams/{team_id}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_legacy_token(
    State(app): State<App>,
    team: Granted<Team, ManagesTokens>,
) -> Result<StatusCode, Problem> {
    delete(&app, team).await
}
