//! The token of an organization, which may manage everything in it.

use axum::extract::State;
use http::StatusCode;
use terrapi::domain::organization::Organization;
use terrapi::runtime::App;

use super::super::document::{NewToken, TokenResource};
use super::{Created, Shown, delete, replace, show};
use crate::jsonapi::{Document, ErrorDocument, MEDIA_TYPE, Parameters, Payload, Problem};
use crate::lookup::{Granted, Owns};

/// Chooses a kind of an organization's tokens.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: handlers take Parameters")]
pub struct TokenKind {
    /// Absent or empty for the organization's own token. Tokens of other kinds, such as `audit-trails`, do not exist
    /// here.
    token: Option<String>,
}

/// Create or replace an organization's token
///
/// Requires an owner. The previous token stops working at once. Only this answer contains the secret.
#[utoipa::path(post, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenKind),
    request_body(content = Option<NewToken>, content_type = MEDIA_TYPE),
    responses((status = 201, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn create_organization_token(
    State(app): State<App>,
    organization: Granted<Organization, Owns>,
    parameters: Parameters,
    payload: Payload,
) -> Result<Created, Problem> {
    if names_another_kind(&parameters) {
        return Err(Problem::parameter("token", "There are no tokens of other kinds"));
    }
    replace(&app, organization, payload).await
}

/// Show an organization's token
///
/// Requires an owner. Answers 404 for a token of another kind.
#[utoipa::path(get, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenKind),
    responses((status = 200, body = Document<TokenResource>, content_type = MEDIA_TYPE),
        (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn show_organization_token(
    State(app): State<App>,
    organization: Granted<Organization, Owns>,
    parameters: Parameters,
) -> Result<Shown, Problem> {
    if names_another_kind(&parameters) {
        return Err(Problem::not_found());
    }
    show(&app, organization).await
}

/// Delete an organization's token
///
/// Requires an owner. The token stops working at once. Answers 404 for a token of another kind.
#[utoipa::path(delete, path = "/api/v2/organizations/{organization_name}/authentication-token", tag = "team tokens",
    security(("team_token" = []), ("bearer" = [])), params(TokenKind),
    responses((status = 204), (status = "4XX", body = ErrorDocument), (status = "5XX", body = ErrorDocument)))]
pub async fn delete_organization_token(
    State(app): State<App>,
    organization: Granted<Organization, Owns>,
    parameters: Parameters,
) -> Result<StatusCode, Problem> {
    if names_another_kind(&parameters) {
        return Err(Problem::not_found());
    }
    delete(&app, organization).await
}

/// Whether the request is about a token of another kind, such as `audit-trails`. Without this check, the organization's
/// own token would be replaced, shown or deleted instead.
fn names_another_kind(parameters: &Parameters) -> bool {
    parameters.all("token").any(|kind| !kind.is_empty())
}
