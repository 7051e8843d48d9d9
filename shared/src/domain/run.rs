//! Runs: the single steps that CI takes for a repository. The published API calls a run a work manifest.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Millis, Namespace, RepositoryName, RunId};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunType {
    /// Computes what would change.
    Plan,
    /// Makes the planned changes.
    Apply,
    /// Finds out which modules each directory uses.
    Index,
    /// Builds the repository's configuration.
    BuildConfig,
    /// Builds the repository's list of files.
    BuildTree,
}

/// Where a run stands. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Waiting: CI has not been asked yet.
    Queued,
    /// CI has been asked; it may not have started yet.
    Running,
    /// Final: CI has reported a result, success or failure.
    Completed,
    /// Final: there will be no result.
    Aborted,
}

impl RunState {
    /// Every state, in the order in which a run passes through them.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Completed, Self::Aborted];

    /// Whether the state cannot change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }

    /// Whether a run in this state may change to `next`. No run stays in its state, and none goes back.
    ///
    /// ```
    /// use terrapi::domain::RunState;
    ///
    /// assert!(RunState::Queued.may_become(RunState::Running));
    /// assert!(!RunState::Running.may_become(RunState::Running));
    /// assert!(!RunState::Completed.may_become(RunState::Aborted));
    /// ```
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => !matches!(next, Self::Queued),
            Self::Running => next.is_final(),
            Self::Completed | Self::Aborted => false,
        }
    }
}

/// What caused a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A pull request (GitHub) or merge request (GitLab).
    PullRequest {
        /// Its number in its repository.
        number: u64,
    },
    /// Drift detection: a regular look at the default branch for differences between configuration and infrastructure.
    Drift,
    /// Indexing the modules of the default branch.
    Index,
}

/// The repository of a run, with the names that it had when the run was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRepository {
    /// The provider's number for it.
    pub id: u64,
    /// The account or group it belongs to.
    pub owner: String,
    /// Its name without the owner.
    pub name: RepositoryName,
}

/// One step that CI takes for a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The id, which the published API calls the id of a work manifest.
    pub id: RunId,
    /// The installation it belongs to.
    pub namespace: Namespace,
    /// The repository that CI works on.
    pub repository: RunRepository,
    pub kind: RunKind,
    pub run_type: RunType,
    pub state: RunState,
    pub created_at: Millis,
    /// When it ended; set exactly if its state is final.
    pub completed_at: Option<Millis>,
}

impl Run {
    /// Whether the repository's drift was unlocked at or after this run's creation. `last_unlock` is the instant of the
    /// last unlock; `None` if there was none, in which case the answer is `false`.
    pub fn is_unlocked_by(&self, last_unlock: Option<Millis>) -> bool {
        last_unlock.is_some_and(|at| at >= self.created_at)
    }
}

/// A drift run in the listing of all drift runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftRun {
    /// The run, whose kind is [`RunKind::Drift`].
    pub run: Run,
    /// The result of [`Run::is_unlocked_by`] for the last unlock of its repository's drift.
    pub unlocked: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_state_only_moves_forward_and_ends_once() {
        use RunState::{Aborted, Completed, Queued, Running};
        let steps = RunState::ALL.map(|from| RunState::ALL.map(|to| from.may_become(to)));
        assert_eq!(RunState::ALL, [Queued, Running, Completed, Aborted]);
        assert_eq!(
            steps,
            [[false, true, true, true], [false, false, true, true], [false; 4], [false; 4]],
            "from a row to a column"
        );
        assert!(
            RunState::ALL
                .into_iter()
                .all(|state| state.is_final() != RunState::ALL.map(|to| state.may_become(to)).contains(&true))
        );
    }

    #[test]
    fn state_names_are_the_published_ones() {
        let types = [RunType::Plan, RunType::Apply, RunType::Index, RunType::BuildConfig, RunType::BuildTree];
        let words = types.map(|kind| serde_json::to_value(kind).unwrap());
        assert_eq!(words, ["plan", "apply", "index", "build-config", "build-tree"]);
        let words = RunState::ALL.map(|state| serde_json::to_value(state).unwrap());
        assert_eq!(words, ["queued", "running", "completed", "aborted"]);
    }
}
