//! The caller's groups on GitLab, set up or not.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{InstallationId, Namespace, Vcs};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// A group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": 555, "name": "Platform / Infra"}))]
pub struct GitlabGroup {
    /// Its number.
    #[schema(value_type = u64)]
    id: InstallationId,
    /// Its full name.
    name: String,
}

/// List the caller's groups on GitLab
///
/// By name. A token that is limited to installations is shown those alone.
#[utoipa::path(get, path = "/api/v1/gitlab/groups", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = [GitlabGroup]),
        (status = 404, description = "The caller never signed in with GitLab", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_gitlab_groups(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
) -> Result<Json<Vec<GitlabGroup>>, ApiError> {
    let caller = caller.caller();
    caller.require_vcs(Vcs::Gitlab)?;
    let token = app.vcs_token(caller.user, Vcs::Gitlab).await?;
    let groups = app.providers.get(Vcs::Gitlab)?.installations_of_user(&token).await?;
    let reached = groups
        .into_iter()
        .filter(|group| caller.capabilities.reaches(Namespace { vcs: Vcs::Gitlab, installation: group.id }));
    Ok(Json(reached.map(|group| GitlabGroup { id: group.id, name: group.name }).collect()))
}
