//! The description of the whole API.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;

/// Made from the handlers' own types; a test holds it equal to them.
const DOCUMENT: &str = include_str!("../assets/openapi.json");

/// Describe the API
///
/// OpenAPI 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "documentation", responses((status = 200, body = serde_json::Value)))]
pub async fn openapi() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
