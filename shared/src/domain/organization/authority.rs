//! The facts that a decision about an organization was based on.

use super::{TeamId, TeamTokenId};
use crate::domain::{Namespace, UserId};

/// The facts that gave a caller the right to a change. The write repeats each of them as a condition, so that nothing
/// is changed if the right has been withdrawn in the meantime. Empty for the service itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Authority {
    /// The token that the caller presented. It must still exist.
    pub token: Option<TeamTokenId>,
    /// The person. They must still belong to the installation.
    pub member: Option<(UserId, Namespace)>,
    /// The team that gives the right. It must still do so, and the person, if the caller is one, must still be in it.
    pub team: Option<(TeamId, Right)>,
}

/// A right that a team gives its members and its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Everything in the organization.
    Own,
    /// Managing every team except the owners', and the tokens of every team.
    ManageTeams,
    /// Managing the team's own tokens.
    ManageOwnTokens,
}
