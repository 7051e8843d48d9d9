//! Runs: what CI does for a repository, one step at a time. The published reference calls them work manifests.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Millis, Namespace, RepositoryName, RunId};

/// What a run does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunType {
    /// Finds out what would change.
    Plan,
    /// Changes it.
    Apply,
    /// Finds out which modules each directory uses.
    Index,
    /// Has the repository's configuration built.
    BuildConfig,
    /// Has the repository's list of files built.
    BuildTree,
}

/// Where a run stands. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// Nobody was asked to work on it.
    Queued,
    /// CI was asked to; it may not have begun.
    Running,
    /// Its result is there, good or bad.
    Completed,
    /// There will be no result.
    Aborted,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Queued, Self::Running, Self::Completed, Self::Aborted];

    /// Whether nothing happens any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Aborted)
    }

    /// Whether a run may go from here to there. None stays where it is, and none begins anew.
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => !matches!(next, Self::Queued),
            Self::Running => next.is_final(),
            Self::Completed | Self::Aborted => false,
        }
    }
}

/// What a run is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunKind {
    /// A pull request, or merge request.
    PullRequest {
        /// Its number in its repository.
        number: u64,
    },
    /// The default branch, looked at from time to time.
    Drift,
    /// The default branch's modules.
    Index,
}

/// The repository that a run is for, under the names that it had when the run was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRepository {
    /// The provider's number.
    pub id: u64,
    /// The account or group it belongs to.
    pub owner: String,
    /// Its name without the owner.
    pub name: RepositoryName,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Names it.
    pub id: RunId,
    /// The installation it belongs to.
    pub namespace: Namespace,
    /// What it is for.
    pub repository: RunRepository,
    /// What it is about.
    pub kind: RunKind,
    /// What it does.
    pub run_type: RunType,
    /// Where it stands.
    pub state: RunState,
    /// When it was created.
    pub created_at: Millis,
    /// When it ended; there when its state is final.
    pub completed_at: Option<Millis>,
}

impl Run {
    /// Whether an unlock takes the locks of this run away: one at or after its creation. Without any unlock the locks are
    /// still there, so the answer is no.
    pub fn is_unlocked_by(&self, last_unlock: Option<Millis>) -> bool {
        last_unlock.is_some_and(|at| at >= self.created_at)
    }
}

/// A drift run in the listing of them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DriftRun {
    /// The run.
    pub run: Run,
    /// As [`Run::is_unlocked_by`] says of the last unlock of its repository's drift.
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
