//! The caller's groups on GitLab, whether or not they are set up, and this service's own account there.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{Code, Error, InstallationId, Namespace, Result, SecretText, Vcs};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody, InGroup};
use terrapi::runtime::App;
use terrapi::vcs::Failure;
use utoipa::ToSchema;

/// GitLab's access levels: the lowest that counts as a membership, and that of a maintainer.
const GUEST: u32 = 10;
pub const MAINTAINER: u32 = 40;

/// A GitLab group.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": 555, "name": "Platform / Infra"}))]
pub struct GitlabGroup {
    /// The group's number.
    #[schema(value_type = u64)]
    id: InstallationId,
    /// Its full name.
    name: String,
}

/// List the caller's groups on GitLab
///
/// Ordered by name. A token that is limited to installations sees only those.
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

/// Whether this service's own account is a member of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupMembership {
    /// `true` if it is.
    result: bool,
}

/// Check whether the service's own account is a member of a group
///
/// For members of the group.
#[utoipa::path(get, path = "/api/v1/gitlab/groups/{id}/is-member", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = GroupMembership), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn is_gitlab_group_member(
    State(app): State<App>,
    caller: InGroup,
) -> Result<Json<GroupMembership>, ApiError> {
    require_level(&app, &caller, GUEST).await?;
    let result = app.providers.groups()?.own_account_belongs_to(caller.group.installation).await?;
    Ok(Json(GroupMembership { result }))
}

/// The service's own account on GitLab.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": 900, "username": "terrapi-bot"}))]
pub struct GitlabOwnAccount {
    /// The account's number.
    id: u64,
    /// The account's login.
    username: String,
}

/// Show the service's own account on GitLab
#[utoipa::path(get, path = "/api/v1/gitlab/whoareyou", tag = "installations", security(("bearer" = [])),
    responses((status = 200, body = GitlabOwnAccount),
        (status = 404, description = "No account is configured", body = ErrorBody),
        (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn gitlab_whoareyou(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
) -> Result<Json<GitlabOwnAccount>, ApiError> {
    caller.caller().require_vcs(Vcs::Gitlab)?;
    let own = app.providers.groups()?.own_account().await?;
    Ok(Json(GitlabOwnAccount { id: own.id, username: own.login }))
}

/// The caller's token for GitLab, if they have at least this access level in the group. GitLab is asked.
///
/// # Errors
/// Forbidden if the level is lower, the caller is not in the group, or there is no such group.
pub async fn require_level(app: &App, caller: &InGroup, minimum: u32) -> Result<SecretText> {
    let user = caller.caller().user;
    let (identity, token) = app.vcs_identity(user, Vcs::Gitlab).await?;
    let group = caller.group.installation;
    match app.providers.groups()?.group_access_level(&token, group, identity.profile.id).await {
        Ok(level) if level >= minimum => Ok(token),
        Ok(_) | Err(Failure::NotFound) => Err(Error::forbidden(Code::ProviderForbidden)),
        Err(failure) => Err(failure.into()),
    }
}
