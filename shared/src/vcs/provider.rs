//! What this service asks of a provider.

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
#[derive(Clone)]
pub struct Providers(Arc<OnceLock<Loaded>>);

#[derive(Clone, Default)]
struct Loaded {
    github: Option<(GithubSettings, Arc<dyn Provider>)>,
    gitlab: Option<(GitlabSettings, Arc<dyn Provider>)>,
    sealing: Option<Arc<SealingKeys>>,
    /// Those that are configured, but wrongly.
    disabled: BTreeSet<Vcs>,
}

impl Default for Providers {
    fn default() -> Self {
        Self(Arc::new(Loaded::default().into()))
    }
}

impl Providers {
    /// Providers whose configuration is not known yet: whatever is asked of them is unavailable until [`Self::load`].
    pub fn pending() -> Self {
        Self(Arc::default())
    }

    /// As [`Self::load`], at once.
    pub fn new(config: ProviderConfig, sealing: Sealing, limits: AnswerLimits, pause: Pause) -> domain::Result<Self> {
        let providers = Self::pending();
        providers.load(config, sealing, limits, pause)?;
        Ok(providers)
    }

    /// Builds the clients. Nothing is sent yet. Needs a runtime to run on. A provider that is configured wrongly is logged
    /// and counts as not configured. What was loaded once stays.
    ///
    /// # Errors
    /// Internal: TLS cannot be set up.
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
        // Whoever came first has loaded the same.
        let _ = self.0.set(loaded);
        Ok(())
    }

    /// A provider.
    ///
    /// # Errors
    /// * not found: it is not configured, so none of its routes exist;
    /// * unavailable: the configuration could not be read yet.
    pub fn get(&self, vcs: Vcs) -> domain::Result<&dyn Provider> {
        let loaded = self.loaded()?;
        let client = match vcs {
            Vcs::Github => loaded.github.as_ref().map(|(_, client)| client),
            Vcs::Gitlab => loaded.gitlab.as_ref().map(|(_, client)| client),
        };
        client.map(|client| &**client).ok_or(Error::NotFound)
    }

    /// Whether a provider is configured, rightly or wrongly. One that is configured wrongly has no routes, but people's
    /// memberships there are still the provider's to confirm.
    ///
    /// # Errors
    /// Unavailable: the configuration could not be read yet.
    pub fn is_configured(&self, vcs: Vcs) -> domain::Result<bool> {
        Ok(self.loaded()?.disabled.contains(&vcs) || self.get(vcs).is_ok())
    }

    /// What everybody may know of GitHub, if it is configured.
    ///
    /// # Errors
    /// Unavailable: the configuration could not be read yet.
    pub fn github(&self) -> domain::Result<Option<&GithubSettings>> {
        Ok(self.loaded()?.github.as_ref().map(|(settings, _)| settings))
    }

    /// What everybody may know of GitLab, if it is configured.
    ///
    /// # Errors
    /// As [`Self::github`].
    pub fn gitlab(&self) -> domain::Result<Option<&GitlabSettings>> {
        Ok(self.loaded()?.gitlab.as_ref().map(|(settings, _)| settings))
    }

    /// The keys that seal the tokens of people's sign-ins.
    ///
    /// # Errors
    /// As [`Self::github`]; internal: there are none, so no provider is configured.
    pub fn sealing(&self) -> domain::Result<&SealingKeys> {
        self.loaded()?.sealing.as_deref().ok_or(Error::bug("there is no sealing key"))
    }

    /// The same providers with other sealing keys.
    #[must_use]
    pub fn with_sealing(&self, keys: SealingKeys) -> Self {
        let loaded = self.0.get().cloned().unwrap_or_default();
        Self(Arc::new(Loaded { sealing: Some(Arc::new(keys)), ..loaded }.into()))
    }

    fn loaded(&self) -> domain::Result<&Loaded> {
        self.0.get().ok_or_else(|| Error::unavailable("the providers' configuration could not be read yet"))
    }
}

/// The keys that seal what sign-ins give, without which no provider can be used.
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
