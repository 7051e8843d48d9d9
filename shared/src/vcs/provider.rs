//! What this service asks of a provider.

use async_trait::async_trait;

use super::failure::{Failure, Result};
use super::oauth::OAuth;
use crate::domain::{InstallationId, Millis, Profile, ProviderInstallation, ProviderRepository, SecretText};

/// On whose behalf an installation's repositories are looked at.
#[derive(Clone, Copy, Debug)]
pub struct InstallationAccess<'a> {
    /// The installation.
    pub installation: InstallationId,
    /// GitLab: the token stored for the group; without one, this service's own account is used. GitHub needs none.
    pub token: Option<&'a SecretText>,
    /// The present instant.
    pub now: Millis,
}

/// Some of an installation's repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPage {
    /// Up to a hundred.
    pub repositories: Vec<ProviderRepository>,
    /// The page after this one; `None` on the last.
    pub next: Option<u32>,
}

/// GitHub or GitLab. Calls with a person's token fail with [`Failure::Rejected`] when it is not accepted; every call may
/// fail with [`Failure::Unavailable`].
#[async_trait]
pub trait Provider: Send + Sync {
    /// How people sign in here.
    fn oauth(&self) -> &OAuth;

    /// Whose token it is.
    async fn profile(&self, access: &SecretText) -> Result<Profile>;

    /// Every installation (GitHub) or group (GitLab) that a person belongs to.
    async fn installations_of_user(&self, access: &SecretText) -> Result<Vec<ProviderInstallation>>;

    /// An installation's repositories, page by page, counted from 1.
    async fn repositories(&self, access: InstallationAccess<'_>, page: u32) -> Result<RepositoryPage>;

    /// One repository as it is now.
    ///
    /// # Errors
    /// [`Failure::NotFound`]: gone, or out of the installation's reach.
    async fn repository(
        &self,
        access: InstallationAccess<'_>,
        known: &ProviderRepository,
    ) -> Result<ProviderRepository>;

    /// Whether a file is on the repository's default branch.
    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool>;

    /// Whether a person administers the account that owns the repository. Never so for an account that is a person.
    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool>;

    /// Whether a person is a member of the installation's account (GitHub) or of the group (GitLab), asked with the
    /// installation's own token.
    ///
    /// # Errors
    /// [`Failure::Forbidden`]: the token cannot tell. GitHub says nothing definite about who collaborates on the repositories
    /// of an account that is a person.
    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool>;

    /// Whether the service is still let in there: on GitHub, whether the App is installed, suspended or not. A GitLab group is
    /// not asked.
    async fn is_installed(&self, access: InstallationAccess<'_>) -> Result<bool> {
        let _ = access;
        Ok(true)
    }

    /// GitLab's: how much a person may do in a group, by GitLab's scale (30 developer, 40 maintainer, 50 owner).
    ///
    /// # Errors
    /// [`Failure::NotFound`]: they do not belong there, the group is unknown, or this is not GitLab.
    async fn group_access_level(&self, access: &SecretText, group: InstallationId, person: u64) -> Result<u32> {
        let _ = (access, group, person);
        Err(Failure::NotFound)
    }

    /// GitLab's: the account that this service acts as.
    ///
    /// # Errors
    /// [`Failure::NotFound`]: none is configured.
    async fn own_account(&self) -> Result<Profile> {
        Err(Failure::NotFound)
    }

    /// GitLab's: whether that account belongs to a group; no account belongs to none.
    async fn own_account_belongs_to(&self, group: InstallationId) -> Result<bool> {
        let _ = group;
        Ok(false)
    }

    /// GitLab's: the group's name, for a person who may see it.
    async fn group_name(&self, access: &SecretText, group: InstallationId) -> Result<String> {
        let _ = (access, group);
        Err(Failure::NotFound)
    }
}
