//! Tasks: work that a request starts and the worker does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Millis, Namespace, TaskId, UserId};

/// Where a task stands. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// No worker has started it.
    Pending,
    /// Started. This also holds between two leases, while no worker is working on it.
    Running,
    /// Final: finished.
    Completed,
    /// Final: given up after repeated failures; `error` says why.
    Failed,
    /// Final: stopped because it must not continue; `error` says why.
    Aborted,
}

impl TaskState {
    /// Whether the state cannot change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Aborted)
    }
}

/// What a task has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Ask the provider again which repositories an installation has.
    RefreshRepositories {
        /// The number of this refresh among those of the installation. Repositories that it did not stamp with this
        /// number are removed at its end.
        generation: u64,
    },
}

impl Work {
    /// The name in answers, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefreshRepositories { .. } => "refresh repositories",
        }
    }
}

/// A task, as those who asked for it see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The id by which `GET /api/v1/tasks/{id}` finds it.
    pub id: TaskId,
    /// The users who asked for it. A user who asks for the same while it is running is added.
    pub owners: BTreeSet<UserId>,
    /// The installation it is about.
    pub namespace: Namespace,
    /// What it has to do.
    pub work: Work,
    pub state: TaskState,
    /// How many items are done; for a refresh, repositories.
    pub progress: u64,
    /// Why it failed or was aborted, for people. `None` in every other state.
    pub error: Option<String>,
    /// When it was first asked for.
    pub created_at: Millis,
    /// When its state or progress was last written. A working worker does so every few seconds.
    pub updated_at: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_task_does_not_change_state() {
        let ended = [TaskState::Completed, TaskState::Failed, TaskState::Aborted];
        assert!(ended.into_iter().all(TaskState::is_final));
        assert!(![TaskState::Pending, TaskState::Running].into_iter().any(TaskState::is_final));
    }
}
