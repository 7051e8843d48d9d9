//! The health check.

use axum::extract::State;
use http::StatusCode;
use terrapi::http::{ApiError, ErrorBody};
use terrapi::runtime::App;

/// Check whether storage answers
#[utoipa::path(get, path = "/health", tag = "identity",
    responses((status = 200, description = "Storage answers; no body"), (status = 503, body = ErrorBody)))]
pub async fn health(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.store.ping().await?;
    Ok(StatusCode::OK)
}
