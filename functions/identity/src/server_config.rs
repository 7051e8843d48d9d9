//! Says how clients reach the version control systems.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::runtime::App;
use utoipa::ToSchema;

/// One member for each system that is configured.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerConfig {
    /// GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    github: Option<GithubConfig>,
}

/// How clients reach GitHub.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"api_base_url": "https://api.github.com", "app_client_id": "Iv1.0123456789abcdef",
    "app_url": "https://github.com/apps/example", "web_base_url": "https://github.com"}))]
pub struct GithubConfig {
    /// API.
    api_base_url: String,
    /// OAuth client id.
    app_client_id: String,
    /// The App's page.
    app_url: String,
    /// Web.
    web_base_url: String,
}

/// Describe the server
#[utoipa::path(get, path = "/api/v1/server/config", tag = "identity", responses((status = 200, body = ServerConfig)))]
pub async fn server_config(State(app): State<App>) -> Json<ServerConfig> {
    let github = app.settings.github.clone().map(|github| GithubConfig {
        api_base_url: github.api_base_url,
        app_client_id: github.app_client_id,
        app_url: github.app_url,
        web_base_url: github.web_base_url,
    });
    Json(ServerConfig { github })
}
