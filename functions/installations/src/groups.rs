//! The caller's groups on GitLab, set up or not, and this service's own place in them.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{Code, Error, InstallationId, Namespace, Result, SecretText, Vcs};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody, InGroup};
use terrapi::runtime::App;
use terrapi::vcs::Failure;
use utoipa::ToSchema;

use crate::paths::GroupPath;

/// GitLab's levels: the least that is a membership, and a maintainer's.
const GUEST: u32 = 10;
pub const MAINTAINER: u32 = 40;

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

/// Whether the service's own account belongs to a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupMembership {
    /// It does.
    result: bool,
}

/// Say whether the service's own account belongs to a group
///
/// For members of the group.
#[utoipa::path(get, path = "/api/v1/gitlab/groups/{id}/is-member", tag = "installations", security(("bearer" = [])),
    params(GroupPath),
    responses((status = 200, body = GroupMembership), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn is_gitlab_group_member(
    State(app): State<App>,
    caller: InGroup,
) -> Result<Json<GroupMembership>, ApiError> {
    require_level(&app, &caller, GUEST).await?;
    let result = app.providers.get(Vcs::Gitlab)?.own_account_belongs_to(caller.group.installation).await?;
    Ok(Json(GroupMembership { result }))
}

/// The service's own account on GitLab.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": 900, "username": "terrapi-bot"}))]
pub struct GitlabOwnAccount {
    /// Its number.
    id: u64,
    /// Its name.
    username: String,
}

/// Say which account the service has on GitLab
#[utoipa::path(get, path = "/api/v1/gitlab/whoareyou", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = GitlabOwnAccount),
        (status = 404, description = "It has none", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn gitlab_whoareyou(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
) -> Result<Json<GitlabOwnAccount>, ApiError> {
    caller.caller().require_vcs(Vcs::Gitlab)?;
    let own = app.providers.get(Vcs::Gitlab)?.own_account().await?;
    Ok(Json(GitlabOwnAccount { id: own.id, username: own.login }))
}

/// The token of a person who has at least this level in the group, as GitLab says at this moment.
///
/// # Errors
/// Forbidden: they have less, or do not belong there, or there is no such group.
pub async fn require_level(app: &App, caller: &InGroup, least: u32) -> Result<SecretText> {
    let user = caller.caller().user;
    let (identity, token) = app.vcs_identity(user, Vcs::Gitlab).await?;
    let group = caller.group.installation;
    match app.providers.get(Vcs::Gitlab)?.group_access_level(&token, group, identity.profile.id).await {
        Ok(level) if level >= least => Ok(token),
        Ok(_) | Err(Failure::NotFound) => Err(Error::forbidden(Code::ProviderForbidden)),
        Err(failure) => Err(failure.into()),
    }
}
