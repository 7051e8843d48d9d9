//! Returns the public settings of the providers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::http::{ApiError, ErrorBody, Origin};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// One member for each configured provider.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerConfig {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    github: Option<GithubConfig>,
    /// GitLab.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    gitlab: Option<GitlabConfig>,
}

/// The public settings of GitHub.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"api_base_url": "https://api.github.com", "app_client_id": "Iv1.0123456789abcdef",
    "app_url": "https://github.com/apps/example", "web_base_url": "https://github.com"}))]
pub struct GithubConfig {
    /// The API's URL.
    api_base_url: String,
    /// The OAuth client id.
    app_client_id: String,
    /// The App's page, if it is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    app_url: Option<String>,
    /// The web site's URL.
    web_base_url: String,
}

/// The public settings of GitLab.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"api_base_url": "https://gitlab.com", "app_id": "0123456789abcdef",
    "redirect_url": "https://api.example.com/api/v1/gitlab/callback", "web_base_url": "https://gitlab.com"}))]
pub struct GitlabConfig {
    /// The API's URL.
    api_base_url: String,
    /// The OAuth client id.
    app_id: String,
    /// The URL to which GitLab sends browsers back.
    redirect_url: String,
    /// The web site's URL.
    web_base_url: String,
}

/// Describe the server
#[utoipa::path(get, path = "/api/v1/server/config", tag = "identity", responses((status = 200, body = ServerConfig),
    (status = "5XX", body = ErrorBody)))]
pub async fn server_config(State(app): State<App>, origin: Origin) -> Result<Json<ServerConfig>, ApiError> {
    let github = app.providers.github()?.cloned().map(|github| GithubConfig {
        api_base_url: github.api_base_url,
        app_client_id: github.app_client_id,
        app_url: github.app_url,
        web_base_url: github.web_base_url,
    });
    let gitlab = app.providers.gitlab()?.cloned().map(|gitlab| GitlabConfig {
        api_base_url: gitlab.api_base_url,
        app_id: gitlab.app_id,
        redirect_url: origin.url("/api/v1/gitlab/callback"),
        web_base_url: gitlab.web_base_url,
    });
    Ok(Json(ServerConfig { github, gitlab }))
}
