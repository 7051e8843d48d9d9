//! Shows a task.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{Code, Error, Result, Task, TaskId, TaskState};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody, PathParams};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// A task.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Task)]
pub struct TaskItem {
    /// Identifies the task.
    id: TaskId,
    /// The kind of work, for people.
    name: &'static str,
    /// The state of the task.
    state: TaskState,
    /// How many items have been processed.
    progress: TaskProgress,
    /// Why the task failed or was aborted, for people; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    error: Option<String>,
    /// RFC 3339.
    #[schema(format = DateTime)]
    created_at: String,
    /// RFC 3339: the last change of the task.
    #[schema(format = DateTime)]
    updated_at: String,
}

/// The progress of a task.
#[derive(Debug, Serialize, ToSchema)]
pub struct TaskProgress {
    /// The number of processed items.
    done: u64,
}

impl From<Task> for TaskItem {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            name: task.work.name(),
            state: task.state,
            progress: TaskProgress { done: task.progress },
            error: task.error,
            created_at: task.created_at.rfc3339(),
            updated_at: task.updated_at.rfc3339(),
        }
    }
}

/// Show a task
///
/// Visible for 30 days to the users who requested it. Not found for anybody else, and for a token that is limited to
/// other installations.
#[utoipa::path(get, path = "/api/v1/tasks/{id}", tag = "tasks", security(("bearer" = [])),
    params(("id" = TaskId, Path, description = "The task")),
    responses((status = 200, body = TaskItem), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn find_task(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    path: PathParams,
) -> Result<Json<TaskItem>, ApiError> {
    let id = TaskId::parse(path.text("id"));
    let id = id.ok_or_else(|| Error::invalid_because(Code::InvalidPath, "a task's id is a UUID"))?;
    let task = app.store.find_task(id, app.clock.now().seconds()).await?.ok_or(Error::NotFound)?;
    let caller = caller.caller();
    if !task.owners.contains(&caller.user) || !caller.capabilities.reaches(task.namespace) {
        return Err(Error::NotFound.into());
    }
    Ok(Json(task.into()))
}
