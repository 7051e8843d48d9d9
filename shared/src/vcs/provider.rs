//! What this service asks of a provider.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::config::{GithubSettings, GitlabSettings, ProviderConfig};
use super::failure::{Failure, Result};
use super::github::Github;
use super::gitlab::Gitlab;
use super::http::{Http, Limits, Pause};
use super::oauth::OAuth;
use crate::auth::SealingKeys;
use crate::domain::{
    self, Error, InstallationId, Millis, Profile, ProviderInstallation, ProviderRepository, SecretText, Vcs,
};

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
/// fail with [`Failure::Away`].
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

/// The providers of a deployment. Cheap to clone; by default none is configured.
#[derive(Clone, Default)]
pub struct Providers {
    /// What everybody may know of GitHub.
    pub github: Option<GithubSettings>,
    /// What everybody may know of GitLab.
    pub gitlab: Option<GitlabSettings>,
    /// Seal the tokens that people's sign-ins give.
    pub sealing: Option<Arc<SealingKeys>>,
    github_client: Option<Arc<dyn Provider>>,
    gitlab_client: Option<Arc<dyn Provider>>,
}

impl Providers {
    /// Builds the clients. Nothing is sent yet. Needs a runtime to run on.
    ///
    /// # Errors
    /// Internal: an address or the App's key cannot be read.
    pub fn new(config: ProviderConfig, limits: Limits, pause: Pause) -> domain::Result<Self> {
        let http = Arc::new(Http::new(limits, pause)?);
        let mut providers = Self::default();
        if let Some((settings, credentials)) = config.github {
            providers.github_client = Some(Arc::new(Github::new(&settings, &credentials, http.clone())?));
            providers.github = Some(settings);
        }
        if let Some((settings, credentials)) = config.gitlab {
            providers.gitlab_client = Some(Arc::new(Gitlab::new(&settings, credentials, http)?));
            providers.gitlab = Some(settings);
        }
        Ok(providers)
    }

    /// A provider.
    ///
    /// # Errors
    /// Not found: it is not configured, so none of its routes exist.
    pub fn get(&self, vcs: Vcs) -> domain::Result<&dyn Provider> {
        let client = match vcs {
            Vcs::Github => &self.github_client,
            Vcs::Gitlab => &self.gitlab_client,
        };
        client.as_deref().ok_or(Error::NotFound)
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").field("github", &self.github).field("gitlab", &self.gitlab).finish_non_exhaustive()
    }
}
