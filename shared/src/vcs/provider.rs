//! The operations that this service needs of a provider.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::config::{GithubSettings, GitlabSettings, Misconfigured, ProviderConfig};
use super::failure::{Failure, Result};
use super::github::Github;
use super::gitlab::Gitlab;
use super::http::{AnswerLimits, Http, Pause};
use super::oauth::OAuth;
use crate::auth::SealingKeys;
use crate::domain::{
    self, Error, InstallationId, Millis, Profile, ProviderInstallation, ProviderRepository, SecretText, Vcs,
};

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

/// The providers of a deployment. Cheap to clone. By default none is configured.
#[derive(Clone)]
pub struct Providers(Arc<OnceLock<Loaded>>);

#[derive(Clone, Default)]
struct Loaded {
    github: Option<(GithubSettings, Arc<dyn Provider>)>,
    gitlab: Option<(GitlabSettings, Arc<dyn Provider>)>,
    sealing: Option<Arc<SealingKeys>>,
    /// Providers whose configuration is invalid.
    disabled: BTreeSet<Vcs>,
}

impl Default for Providers {
    fn default() -> Self {
        Self(Arc::new(Loaded::default().into()))
    }
}

impl Providers {
    /// Providers whose configuration is not known yet. Every method answers unavailable until [`Self::load`].
    pub fn pending() -> Self {
        Self(Arc::default())
    }

    /// Loads the providers immediately.
    pub fn new(config: ProviderConfig, sealing: Sealing, limits: AnswerLimits, pause: Pause) -> domain::Result<Self> {
        let providers = Self::pending();
        providers.load(config, sealing, limits, pause)?;
        Ok(providers)
    }

    /// Creates the clients without sending anything. Must run in a Tokio runtime. A provider with an invalid
    /// configuration is logged and counts as not configured. Only the first call has an effect.
    ///
    /// # Errors
    /// Internal if TLS cannot be set up.
    pub fn load(
        &self,
        config: ProviderConfig,
        sealing: Sealing,
        limits: AnswerLimits,
        pause: Pause,
    ) -> domain::Result<()> {
        let http = Arc::new(Http::new(limits, pause)?);
        let github = config.github.map(|configured| {
            sealing.as_ref().map_err(|problem| *problem)?;
            let (settings, credentials) = configured?;
            let client: Arc<dyn Provider> = Arc::new(Github::new(&settings, &credentials, http.clone())?);
            Ok((settings, client))
        });
        let gitlab = config.gitlab.map(|configured| {
            sealing.as_ref().map_err(|problem| *problem)?;
            let (settings, credentials) = configured?;
            let client: Arc<dyn Provider> = Arc::new(Gitlab::new(&settings, credentials, http.clone())?);
            Ok((settings, client))
        });
        let disabled = [(Vcs::Github, is_disabled(github.as_ref())), (Vcs::Gitlab, is_disabled(gitlab.as_ref()))];
        let loaded = Loaded {
            github: usable("GitHub", github),
            gitlab: usable("GitLab", gitlab),
            sealing: sealing.ok(),
            disabled: disabled.into_iter().filter_map(|(vcs, disabled)| disabled.then_some(vcs)).collect(),
        };
        // A concurrent call has loaded the same configuration.
        let _ = self.0.set(loaded);
        Ok(())
    }

    /// # Errors
    /// * not found: the provider is not configured, so none of its routes exist;
    /// * unavailable: the configuration could not be read yet.
    pub fn get(&self, vcs: Vcs) -> domain::Result<&dyn Provider> {
        let loaded = self.loaded()?;
        let client = match vcs {
            Vcs::Github => loaded.github.as_ref().map(|(_, client)| client),
            Vcs::Gitlab => loaded.gitlab.as_ref().map(|(_, client)| client),
        };
        client.map(|client| &**client).ok_or(Error::NotFound)
    }

    /// Whether a provider is configured, even if the configuration is invalid. In that case it has no routes, but its
    /// memberships still need its confirmation.
    ///
    /// # Errors
    /// Unavailable if the configuration could not be read yet.
    pub fn is_configured(&self, vcs: Vcs) -> domain::Result<bool> {
        Ok(self.loaded()?.disabled.contains(&vcs) || self.get(vcs).is_ok())
    }

    /// The public settings of GitHub, if it is configured.
    ///
    /// # Errors
    /// Unavailable if the configuration could not be read yet.
    pub fn github(&self) -> domain::Result<Option<&GithubSettings>> {
        Ok(self.loaded()?.github.as_ref().map(|(settings, _)| settings))
    }

    /// The public settings of GitLab, if it is configured.
    ///
    /// # Errors
    /// As [`Self::github`].
    pub fn gitlab(&self) -> domain::Result<Option<&GitlabSettings>> {
        Ok(self.loaded()?.gitlab.as_ref().map(|(settings, _)| settings))
    }

    /// The keys that encrypt the tokens of sign-ins.
    ///
    /// # Errors
    /// As [`Self::github`]. Internal if there are none, in which case no provider is configured.
    pub fn sealing(&self) -> domain::Result<&SealingKeys> {
        self.loaded()?.sealing.as_deref().ok_or(Error::bug("no sealing key is configured"))
    }

    #[must_use]
    pub fn with_sealing(&self, keys: SealingKeys) -> Self {
        let loaded = self.0.get().cloned().unwrap_or_default();
        Self(Arc::new(Loaded { sealing: Some(Arc::new(keys)), ..loaded }.into()))
    }

    fn loaded(&self) -> domain::Result<&Loaded> {
        self.0.get().ok_or_else(|| Error::unavailable("the providers' configuration could not be read yet"))
    }
}

/// The keys that encrypt the tokens of sign-ins. Without them, no provider can be used.
pub type Sealing = std::result::Result<Arc<SealingKeys>, Misconfigured>;

fn is_disabled<T>(client: Option<&std::result::Result<T, Misconfigured>>) -> bool {
    client.is_some_and(std::result::Result::is_err)
}

fn usable<T>(name: &'static str, client: Option<std::result::Result<T, Misconfigured>>) -> Option<T> {
    client?.inspect_err(|problem| tracing::error!("{name} is disabled: {problem}")).ok()
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded = self.0.get().cloned().unwrap_or_default();
        let (github, gitlab) = (loaded.github.map(|(known, _)| known), loaded.gitlab.map(|(known, _)| known));
        f.debug_struct("Providers").field("github", &github).field("gitlab", &gitlab).finish_non_exhaustive()
    }
}
