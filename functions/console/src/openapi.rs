//! Serves the OpenAPI document of the whole API.

use axum::response::Response;
use http::header::HeaderMap;
use terrapi::http::ApiError;

use crate::asset::{Asset, Caching, Content};

/// Generated from the types of the handlers. A test checks that both agree.
static DOCUMENT: Asset = Asset {
    name: "openapi.json",
    media_type: "application/json",
    content: Content::Plain(include_bytes!("../assets/openapi.json")),
};

/// Describe the API
///
/// As `OpenAPI` 3.1.
#[utoipa::path(get, path = "/openapi.json", tag = "documentation", operation_id = "describe_api",
    responses((status = 200, description = "This document", body = serde_json::Value, headers(("etag" = String))),
        (status = 304, description = "Unchanged", headers(("etag" = String)))))]
pub async fn openapi(headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(DOCUMENT.answer(&headers, Caching::Revalidate)?)
}
