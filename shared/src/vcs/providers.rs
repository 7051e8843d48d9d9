//! The providers that a deployment has configured.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use super::accounts::Accounts;
use super::catalogue::Catalogue;
use super::config::{GithubSettings, GitlabSettings, Misconfigured, ProviderConfig};
use super::github::Github;
use super::gitlab::Gitlab;
use super::groups::Groups;
use super::http::{AnswerLimits, Http, Pause};
use super::members::Members;
use crate::auth::SealingKeys;
use crate::domain::{self, Error, Vcs};

/// What GitHub and GitLab have in common. Every call may fail with
/// [`Failure::Unavailable`](super::Failure::Unavailable).
pub trait Provider: Accounts + Catalogue + Members + Send + Sync {}

impl<P: Accounts + Catalogue + Members + Send + Sync> Provider for P {}

/// The providers of a deployment. Cheap to clone. By default none is configured.
#[derive(Clone)]
pub struct Providers(Arc<OnceLock<Loaded>>);

#[derive(Clone, Default)]
struct Loaded {
    github: Option<(GithubSettings, Arc<dyn Provider>)>,
    gitlab: Option<(GitlabSettings, Arc<dyn Provider>)>,
    /// GitLab's client.
    groups: Option<Arc<dyn Groups>>,
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
            let (settings, credentials) = configured?;
            sealing.as_ref().map_err(|problem| *problem)?;
            let client: Arc<dyn Provider> = Arc::new(Github::new(&settings, &credentials, http.clone())?);
            Ok((settings, client))
        });
        let gitlab = config.gitlab.map(|configured| {
            let (settings, credentials) = configured?;
            sealing.as_ref().map_err(|problem| *problem)?;
            let client = Arc::new(Gitlab::new(&settings, credentials, http.clone())?);
            Ok((settings, client))
        });
        let disabled = [(Vcs::Github, is_disabled(github.as_ref())), (Vcs::Gitlab, is_disabled(gitlab.as_ref()))];
        let gitlab = usable("GitLab", gitlab);
        let loaded = Loaded {
            github: usable("GitHub", github),
            groups: gitlab.as_ref().map(|(_, client)| client.clone() as Arc<dyn Groups>),
            gitlab: gitlab.map(|(settings, client)| (settings, client as Arc<dyn Provider>)),
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

    /// GitLab's groups.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn groups(&self) -> domain::Result<&dyn Groups> {
        self.loaded()?.groups.as_deref().ok_or(Error::NotFound)
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
pub type Sealing = Result<Arc<SealingKeys>, Misconfigured>;

fn is_disabled<T>(client: Option<&Result<T, Misconfigured>>) -> bool {
    client.is_some_and(Result::is_err)
}

fn usable<T>(name: &'static str, client: Option<Result<T, Misconfigured>>) -> Option<T> {
    client?.inspect_err(|problem| tracing::error!("{name} is disabled: {problem}")).ok()
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let loaded = self.0.get().cloned().unwrap_or_default();
        let (github, gitlab) = (loaded.github.map(|(known, _)| known), loaded.gitlab.map(|(known, _)| known));
        f.debug_struct("Providers").field("github", &github).field("gitlab", &gitlab).finish_non_exhaustive()
    }
}
