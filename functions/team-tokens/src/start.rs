//! What clients call first.

use axum::Json;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// Where each service is (<https://developer.hashicorp.com/terraform/internals/v1.0.x/remote-service-discovery>). Paths, with a slash at the
/// end, because some clients cut off the last character and others resolve the rest against the address.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"tfe.v2": "/api/v2/", "tfe.v2.1": "/api/v2/", "tfe.v2.2": "/api/v2/", "modules.v1": "/api/registry/v1/modules/"}))]
pub struct Services {
    #[serde(rename = "tfe.v2")]
    api: &'static str,
    #[serde(rename = "tfe.v2.1")]
    api_1: &'static str,
    #[serde(rename = "tfe.v2.2")]
    api_2: &'static str,
    /// There is no such registry, but clients do not start without its address.
    #[serde(rename = "modules.v1")]
    modules: &'static str,
}

/// Say where the API is
#[utoipa::path(get, path = "/.well-known/terraform.json", tag = "organizations",
    responses((status = 200, body = Services)))]
pub async fn discover() -> Json<Services> {
    const API: &str = "/api/v2/";
    Json(Services { api: API, api_1: API, api_2: API, modules: "/api/registry/v1/modules/" })
}

/// Answer
///
/// Only its headers are of use: the version, and the rate that a client is to keep to. It is not limited.
#[utoipa::path(get, path = "/api/v2/ping", tag = "organizations", responses((status = 204)))]
pub async fn ping() -> StatusCode {
    StatusCode::NO_CONTENT
}
