//! A provider: the sum of what this service asks of GitHub or GitLab.

use super::accounts::Accounts;
use super::catalogue::Catalogue;
use super::groups::Groups;
use super::members::Members;

/// GitHub or GitLab. Every call may fail with [`Failure::Unavailable`](super::Failure::Unavailable).
pub trait Provider: Accounts + Catalogue + Members + Send + Sync {
    /// Only GitLab has groups.
    fn groups(&self) -> Option<&dyn Groups> {
        None
    }
}
