//! Refreshes an installation's repositories page by page. Each page is stored before the next one is requested.
//!
//! The provider numbers its pages. If a repository leaves the list while it is read, the following ones move up, and
//! one of them may be missed. Repositories that are missing after the first pass are therefore looked for in a second
//! one, and only those that both passes missed are removed.

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use terrapi::domain::{
    Error, InstallationState, Namespace, ProviderRepository, Repository, RepositoryName, Result, SecretText, TaskState,
    Vcs,
};
use terrapi::runtime::App;
use terrapi::store::operations::{InstallationSecret, TaskLease};
use terrapi::vcs::{Failure, InstallationAccess, Provider};

use crate::turn::{Steps, Stop, provider_name};

/// A GitHub repository with this file is set up. A GitLab project never is.
const WORKFLOW: &str = ".github/workflows/terrateam.yml";
/// How many requests to the provider run concurrently.
const CONCURRENCY: usize = 8;

/// The next step of a refresh, in the order of the steps. Stored as the cursor of the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshStep {
    /// Read this page of the list.
    Reading(u32),
    /// Read this page for the second time.
    Confirming(u32),
    /// Remove the repositories that were on no page.
    Removing,
}

/// A refresh of one installation.
pub struct Refresh<'a> {
    app: &'a App,
    provider: &'a dyn Provider,
    namespace: Namespace,
    token: Option<SecretText>,
    generation: u64,
}

impl Steps for Refresh<'_> {
    type Step = RefreshStep;

    const FIRST: RefreshStep = RefreshStep::Reading(1);

    async fn step(&self, step: RefreshStep, lease: &TaskLease) -> Result<(Option<RefreshStep>, u64), Stop> {
        let store = &self.app.store;
        Ok(match step {
            RefreshStep::Reading(page) => {
                let (next, listed) = self.read(page, lease).await?;
                let next = match next {
                    Some(next) => Some(RefreshStep::Reading(next)),
                    None if store.has_vanished_repositories(self.namespace, self.generation).await? => {
                        Some(RefreshStep::Confirming(1))
                    }
                    None => None,
                };
                (next, listed)
            }
            RefreshStep::Confirming(page) => {
                let (next, _) = self.read(page, lease).await?;
                (Some(next.map_or(RefreshStep::Removing, RefreshStep::Confirming)), 0)
            }
            RefreshStep::Removing => {
                lease.require(self.app.clock.now())?;
                store.remove_vanished_repositories(self.namespace, self.generation).await?;
                (None, 0)
            }
        })
    }
}

impl<'a> Refresh<'a> {
    /// Loads what the steps need.
    pub async fn prepare(app: &'a App, namespace: Namespace, generation: u64) -> Result<Self, Stop> {
        if let Some(why) = inactive(app, namespace).await? {
            return Err(Stop::Over(TaskState::Aborted, why.into()));
        }
        let provider = match app.providers.get(namespace.vcs) {
            Err(Error::NotFound) => {
                let why = format!("{} is not configured", provider_name(namespace.vcs));
                return Err(Stop::Over(TaskState::Failed, why));
            }
            provider => provider?,
        };
        let token = group_token(app, namespace).await?;
        Ok(Self { app, provider, namespace, token, generation })
    }

    /// Stores the repositories of a page that this refresh has not stored yet. Returns the number of the next page, and
    /// how many repositories the page lists.
    async fn read(&self, page: u32, lease: &TaskLease) -> Result<(Option<u32>, u64), Stop> {
        let page = self.provider.repositories(self.access(), page).await.map_err(|failure| self.failed(&failure))?;
        let (store, now) = (&self.app.store, self.app.clock.now());
        let ids = page.repositories.iter().map(|repository| repository.id);
        let read = store.read_repositories(self.namespace, ids).await?;
        let new = page.repositories.iter().filter(|repository| !read.found_since(repository.id, self.generation));
        let details: Vec<_> = new.map(|repository| self.read_details(repository).boxed()).collect();
        let details: Vec<_> = stream::iter(details).buffer_unordered(CONCURRENCY).try_collect().await?;
        let repositories: Vec<_> = details.into_iter().flatten().collect();
        lease.require(self.app.clock.now())?;
        store.upsert_repositories(self.namespace, &repositories, &read, self.generation, now).await?;
        Ok((page.next, page.repositories.len() as u64))
    }

    /// Adds what the list does not say about a repository. `None` if its name is invalid.
    async fn read_details(&self, repository: &ProviderRepository) -> Result<Option<Repository>, Stop> {
        let Ok(name) = RepositoryName::new(&repository.name) else {
            tracing::warn!(id = repository.id, "a repository with an invalid name is skipped");
            return Ok(None);
        };
        let setup = match self.namespace.vcs {
            Vcs::Github => match self.provider.has_file(self.access(), repository, WORKFLOW).await {
                Ok(found) => found,
                // The App may not access this repository, so no run is possible there either.
                Err(Failure::Forbidden) => false,
                Err(failure) => return Err(self.failed(&failure)),
            },
            Vcs::Gitlab => false,
        };
        Ok(Some(Repository { id: repository.id, owner: repository.owner.clone(), name, setup }))
    }

    fn access(&self) -> InstallationAccess<'_> {
        let installation = self.namespace.installation;
        InstallationAccess { installation, token: self.token.as_ref(), now: self.app.clock.now() }
    }

    fn failed(&self, failure: &Failure) -> Stop {
        Stop::by_provider(self.namespace.vcs, failure)
    }
}

/// The token that a maintainer of the GitLab group has stored. `None`: this service's own account is used.
pub async fn group_token(app: &App, namespace: Namespace) -> Result<Option<SecretText>> {
    if namespace.vcs == Vcs::Github {
        return Ok(None);
    }
    let which = InstallationSecret::AccessToken;
    let sealed = app.store.find_installation_secret(namespace, which).await?;
    sealed.map(|sealed| app.open_secret(&sealed, &which.binding(namespace))).transpose()
}

/// The reason why the installation cannot be refreshed, if there is one.
async fn inactive(app: &App, namespace: Namespace) -> Result<Option<&'static str>> {
    let installation = app.store.find_installation(namespace).await?;
    Ok(match installation.map(|installation| installation.state) {
        Some(InstallationState::Pending | InstallationState::Installed) => None,
        Some(InstallationState::Suspended) => Some("the installation is suspended"),
        Some(InstallationState::Uninstalled) | None => Some("the installation is uninstalled"),
    })
}
