//! GitLab's groups, which a person sets up as installations. GitHub has none: there the App is installed.

use async_trait::async_trait;

use super::failure::Result;
use crate::domain::{InstallationId, Profile, SecretText};

#[async_trait]
pub trait Groups: Send + Sync {
    /// A person's access level in a group (30 developer, 40 maintainer, 50 owner).
    ///
    /// # Errors
    /// [`Failure::NotFound`](super::Failure::NotFound) if the person is not in the group, or the group is unknown.
    async fn group_access_level(&self, access: &SecretText, group: InstallationId, person: u64) -> Result<u32>;

    /// This service's own account.
    ///
    /// # Errors
    /// [`Failure::NotFound`](super::Failure::NotFound) if none is configured.
    async fn own_account(&self) -> Result<Profile>;

    /// Whether this service's own account is in a group. `false` if no account is configured.
    async fn own_account_belongs_to(&self, group: InstallationId) -> Result<bool>;

    /// The name of a group that the person may see.
    async fn group_name(&self, access: &SecretText, group: InstallationId) -> Result<String>;
}
