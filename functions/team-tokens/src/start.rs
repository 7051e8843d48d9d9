//! The routes that clients call first.

use axum::Json;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The path of each service (<https://developer.hashicorp.com/terraform/internals/v1.0.x/remote-service-discovery>).
/// Each ends with a slash, because some clients remove the last character, and others resolve paths relative to it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"tfe.v2": "/api/v2/", "tfe.v2.1": "/api/v2/", "tfe.v2.2": "/api/v2/", "modules.v1": "/api/registry/v1/modules/"}))]
pub struct Services {
    #[serde(rename = "tfe.v2")]
    api: &'static str,
    #[serde(rename = "tfe.v2.1")]
    api_1: &'static str,
    #[serde(rename = "tfe.v2.2")]
    api_2: &'static str,
    /// This service has no module registry, but clients need its address to start.
    #[serde(rename = "modules.v1")]
    modules: &'static str,
}

/// Discover the API
#[utoipa::path(get, path = "/.well-known/terraform.json", tag = "organizations",
    responses((status = 200, body = Services)))]
pub async fn discover() -> Json<Services> {
    const API: &str = "/api/v2/";
    Json(Services { api: API, api_1: API, api_2: API, modules: "/api/registry/v1/modules/" })
}

/// Ping
///
/// The answer's headers contain the API version and the rate limit. This route has no rate limit itself.
#[utoipa::path(get, path = "/api/v2/ping", tag = "organizations", responses((status = 204)))]
pub async fn ping() -> StatusCode {
    StatusCode::NO_CONTENT
}
