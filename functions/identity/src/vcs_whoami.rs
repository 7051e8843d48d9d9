//! Returns the caller's identity at a provider.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{Error, Vcs};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// The caller's identity on GitHub.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"username": "octocat", "avatar_url": "https://avatars.githubusercontent.com/u/583231"}))]
pub struct GithubUser {
    /// The login at the last sign-in.
    username: String,
    /// The URL of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    avatar_url: Option<String>,
}

/// The caller's identity on GitLab.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"username": "tanuki", "avatar_url": "https://gitlab.com/uploads/-/system/user/avatar/1/a.png"}))]
pub struct GitlabUser {
    /// The login at the last sign-in.
    username: String,
    /// The URL of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    avatar_url: Option<String>,
}

/// Show the caller on GitHub
#[utoipa::path(get, path = "/api/v1/github/whoami", tag = "identity", security(("bearer" = [])),
    responses((status = 200, body = GithubUser), (status = 404, description = "The caller never signed in with GitHub", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn github_whoami(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
) -> Result<Json<GithubUser>, ApiError> {
    let (username, avatar_url) = at(&app, &caller, Vcs::Github).await?;
    Ok(Json(GithubUser { username, avatar_url }))
}

/// Show the caller on GitLab
#[utoipa::path(get, path = "/api/v1/gitlab/whoami", tag = "identity", security(("bearer" = [])),
    responses((status = 200, body = GitlabUser), (status = 404, description = "The caller never signed in with GitLab", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn gitlab_whoami(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
) -> Result<Json<GitlabUser>, ApiError> {
    let (username, avatar_url) = at(&app, &caller, Vcs::Gitlab).await?;
    Ok(Json(GitlabUser { username, avatar_url }))
}

async fn at(app: &App, caller: &Authorized<AnyCaller>, vcs: Vcs) -> Result<(String, Option<String>), ApiError> {
    caller.caller().require_vcs(vcs)?;
    let identity = app.store.find_identity(caller.caller().user, vcs).await?.ok_or(Error::NotFound)?;
    Ok((identity.profile.login, identity.profile.avatar_url))
}
