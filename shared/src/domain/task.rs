//! Tasks: work that a request begins and the worker does.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Millis, Namespace, TaskId, UserId};

/// Where a task stands. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    /// Nobody has begun.
    Pending,
    /// Begun; between two turns of the worker too.
    Running,
    /// Done.
    Completed,
    /// Given up; `error` says why.
    Failed,
    /// Stopped because it must not go on; `error` says why.
    Aborted,
}

impl TaskState {
    /// Whether nothing happens any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Aborted)
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Learn anew which repositories an installation has.
    RefreshRepositories {
        /// Counts the refreshes of one installation; whatever a whole pass did not stamp with it has vanished.
        generation: u64,
    },
}

impl Work {
    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RefreshRepositories { .. } => "refresh repositories",
        }
    }
}

/// A task, as its owners see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// Names it.
    pub id: TaskId,
    /// Who asked for it; more than one when somebody asked while it ran.
    pub owners: BTreeSet<UserId>,
    /// The installation it is about.
    pub namespace: Namespace,
    /// What is to be done.
    pub work: Work,
    /// Where it stands.
    pub state: TaskState,
    /// Items done.
    pub progress: u64,
    /// Why it failed or was aborted, for people.
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: Millis,
    /// When it last moved.
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
