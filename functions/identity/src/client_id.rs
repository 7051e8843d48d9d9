//! Returns the OAuth client id of GitHub.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::Error;
use terrapi::http::{ApiError, ErrorBody};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// The OAuth client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ClientId {
    /// Its id.
    client_id: String,
}

/// Get the GitHub client id
#[utoipa::path(get, path = "/api/v1/github/client_id", tag = "identity",
    responses((status = 200, body = ClientId), (status = 404, description = "GitHub is not configured", body = ErrorBody),
        (status = "5XX", body = ErrorBody)))]
pub async fn github_client_id(State(app): State<App>) -> Result<Json<ClientId>, ApiError> {
    let github = app.providers.github()?.ok_or(Error::NotFound)?;
    Ok(Json(ClientId { client_id: github.app_client_id.clone() }))
}
