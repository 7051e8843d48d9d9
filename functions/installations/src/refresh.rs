//! Starts a refresh of an installation's repositories.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::TaskId;
use terrapi::http::{ApiError, ErrorBody, InInstallation};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// The task that refreshes the repositories.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartedTask {
    /// The id for `GET /api/v1/tasks/{id}`.
    id: TaskId,
}

/// Refresh an installation's repositories
///
/// Answers at once with the id of the task: the running one, if there is one. At its end, repositories that the
/// provider no longer lists are removed.
#[utoipa::path(post, path = "/api/v1/{vcs}/installations/{installation_id}/repos/refresh", tag = "installations",
    security(("bearer" = [])),
    responses((status = 200, body = StartedTask), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn refresh_repositories(
    State(app): State<App>,
    caller: InInstallation,
) -> Result<Json<StartedTask>, ApiError> {
    let now = app.clock.now();
    let fresh = TaskId::new(app.random.timed_id(now)?);
    let id = app.store.start_refresh(caller.namespace, caller.caller().user, fresh, now).await?;
    Ok(Json(StartedTask { id }))
}

/// Refresh a GitHub installation's repositories
///
/// The older path of the same operation.
#[utoipa::path(post, path = "/api/v1/installations/{installation_id}/repos/refresh", tag = "installations",
    security(("bearer" = [])),
    responses((status = 200, body = StartedTask), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn refresh_github_repositories(
    app: State<App>,
    caller: InInstallation,
) -> Result<Json<StartedTask>, ApiError> {
    refresh_repositories(app, caller).await
}
