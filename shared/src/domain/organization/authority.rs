//! What somebody's right to change something was decided on.

use super::{TeamId, TeamTokenId};
use crate::domain::{Namespace, UserId};

/// What somebody's right to a change was decided on. Each part is a condition of the write, so that a right that was taken away
/// in the meantime changes nothing. Empty for the service itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The token in use; it must still exist.
    pub token: Option<TeamTokenId>,
    /// The person, who must still belong to the installation.
    pub member: Option<(UserId, Namespace)>,
    /// The team that gives the right. The person, if it is one, must still be in it.
    pub team: Option<(TeamId, Right)>,
}

/// What a team gives its members and its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// The organization itself.
    Own,
    /// Every team and its tokens.
    ManageTeams,
    /// The team's own tokens.
    ManageOwnTokens,
}
