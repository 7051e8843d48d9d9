//! The operations that this service needs of a provider.

use async_trait::async_trait;

use super::failure::{Failure, Result};
use super::oauth::OAuth;
use crate::domain::{InstallationId, Millis, Profile, ProviderInstallation, ProviderRepository, SecretText};

/// The credential with which an installation's repositories are read.
#[derive(Clone, Copy, Debug)]
pub struct InstallationAccess<'a> {
    pub installation: InstallationId,
    /// GitLab: the token that is stored for the group. Absent: the token of this service's own account. GitHub does not
    /// use it.
    pub token: Option<&'a SecretText>,
    pub now: Millis,
}

/// One page of an installation's repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPage {
    /// At most 100.
    pub repositories: Vec<ProviderRepository>,
    /// The number of the next page. `None` on the last one.
    pub next: Option<u32>,
}

/// GitHub or GitLab. Calls with a person's token fail with [`Failure::Rejected`] if it is not accepted. Every call may
/// fail with [`Failure::Unavailable`].
#[async_trait]
pub trait Provider: Send + Sync {
    fn oauth(&self) -> &OAuth;

    /// The person to whom a token belongs.
    async fn profile(&self, access: &SecretText) -> Result<Profile>;

    /// All installations (GitHub) or groups (GitLab) of a person.
    async fn installations_of_user(&self, access: &SecretText) -> Result<Vec<ProviderInstallation>>;

    /// A page of an installation's repositories. Pages count from 1.
    async fn repositories(&self, access: InstallationAccess<'_>, page: u32) -> Result<RepositoryPage>;

    /// The current state of one repository.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if it has been deleted, or the installation may not access it.
    async fn repository(
        &self,
        access: InstallationAccess<'_>,
        known: &ProviderRepository,
    ) -> Result<ProviderRepository>;

    /// Whether a file is on the repository's default branch.
    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool>;

    /// Whether a person administers the account that owns the repository. Always `false` for a personal account.
    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool>;

    /// Whether a person is a member of the installation's account (GitHub) or of the group (GitLab). Asks with the
    /// installation's own token.
    ///
    /// # Errors
    /// [`Failure::Forbidden`] if the token has no permission to tell. GitHub gives no definite answer about
    /// collaborators of a personal account.
    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool>;

    /// Whether the service is still let in there: on GitHub, whether the App is installed, suspended or not. A GitLab group is
    /// not asked.
    async fn is_installed(&self, access: InstallationAccess<'_>) -> Result<bool> {
        let _ = access;
        Ok(true)
    }

    /// GitLab only: a person's access level in a group (30 developer, 40 maintainer, 50 owner).
    ///
    /// # Errors
    /// [`Failure::NotFound`] if the person is not in the group, the group is unknown, or this is GitHub.
    async fn group_access_level(&self, access: &SecretText, group: InstallationId, person: u64) -> Result<u32> {
        let _ = (access, group, person);
        Err(Failure::NotFound)
    }

    /// GitLab only: this service's own account.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if none is configured.
    async fn own_account(&self) -> Result<Profile> {
        Err(Failure::NotFound)
    }

    /// GitLab only: whether this service's own account is in a group. `false` if no account is configured.
    async fn own_account_belongs_to(&self, group: InstallationId) -> Result<bool> {
        let _ = group;
        Ok(false)
    }

    /// GitLab only: the name of a group that the person may see.
    async fn group_name(&self, access: &SecretText, group: InstallationId) -> Result<String> {
        let _ = (access, group);
        Err(Failure::NotFound)
    }
}
