//! Refreshing an installation's repositories: page by page, each noted before the next is asked for.
//!
//! The provider's pages are counted, so a repository that leaves the list while it is read moves the next ones up, and one
//! of them may be missed. What is missing after the first reading is therefore looked for in a second one, and only
//! what both have missed is removed.

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use terrapi::domain::{
    Error, InstallationState, Millis, Namespace, ProviderRepository, Repository, RepositoryName, Result, SecretText,
    TaskState, Vcs,
};
use terrapi::runtime::App;
use terrapi::store::operations::{InstallationSecret, TaskLease};
use terrapi::vcs::{Failure, InstallationAccess, Provider};

use crate::task::{Deadline, TurnOutcome};

/// The file that makes a GitHub repository set up. A GitLab project has none.
const WORKFLOW: &str = ".github/workflows/terrateam.yml";
/// Questions to the provider that are under way at the same time.
const CONCURRENCY: usize = 8;

/// Where a refresh stands. The order is the order of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// About to read this page of the list.
    Reading(u32),
    /// About to read this page for the second time.
    Confirming(u32),
    /// About to remove what was on no page.
    Removing,
}

/// Works on a refresh until it is done or the time is up; one step at least.
pub async fn run(app: &App, lease: &mut TaskLease, generation: u64, deadline: Deadline) -> Result<TurnOutcome> {
    let namespace = lease.task.namespace;
    if let Some(why) = inactive(app, namespace).await? {
        return Ok(TurnOutcome::Over(TaskState::Aborted, why.into()));
    }
    let provider = match app.providers.get(namespace.vcs) {
        Ok(provider) => provider,
        Err(Error::NotFound) => {
            return Ok(TurnOutcome::Over(TaskState::Failed, format!("{} is not configured", name(namespace.vcs))));
        }
        Err(error) => return Err(error),
    };
    let token = group_token(app, namespace).await?;
    let token = token.as_ref();
    let mut place = match &lease.cursor {
        Some(cursor) => serde_json::from_str(cursor).map_err(|error| Error::internal("reading a cursor", error))?,
        None => Place::Reading(1),
    };
    loop {
        let refresh = Refresh { app, provider, namespace, token, generation, held_until: lease.held_until };
        let (next, seen) = match refresh.step(place).await {
            Ok(step) => step,
            Err(Stop::Ended(end)) => return Ok(end),
            Err(Stop::Storage(error)) => return Err(error),
        };
        lease.task.progress += seen;
        let Some(next) = next else { return Ok(TurnOutcome::Completed) };
        let cursor = serde_json::to_string(&next).map_err(|error| Error::internal("writing a cursor", error))?;
        if app.store.step_task(lease, cursor, app.clock.now()).await?.is_err() {
            return Ok(TurnOutcome::Lost);
        }
        place = next;
        if !deadline.allows_a_step(app.clock.now()) {
            return Ok(TurnOutcome::More);
        }
    }
}

/// The token that a GitLab group's maintainers have given; without one, this service's own account is used.
pub async fn group_token(app: &App, namespace: Namespace) -> Result<Option<SecretText>> {
    if namespace.vcs == Vcs::Github {
        return Ok(None);
    }
    let which = InstallationSecret::AccessToken;
    let sealed = app.store.find_installation_secret(namespace, which).await?;
    sealed.map(|sealed| app.open_secret(&sealed, &which.binding(namespace))).transpose()
}

/// Why nothing may be done in an installation, if so.
async fn inactive(app: &App, namespace: Namespace) -> Result<Option<&'static str>> {
    let installation = app.store.find_installation(namespace).await?;
    Ok(match installation.map(|installation| installation.state) {
        Some(InstallationState::Pending | InstallationState::Installed) => None,
        Some(InstallationState::Suspended) => Some("the installation is suspended"),
        Some(InstallationState::Uninstalled) | None => Some("the installation is uninstalled"),
    })
}

struct Refresh<'a> {
    app: &'a App,
    provider: &'a dyn Provider,
    namespace: Namespace,
    token: Option<&'a SecretText>,
    generation: u64,
    /// When the task is another worker's for the taking.
    held_until: Millis,
}

/// Why a step came to nothing.
enum Stop {
    Ended(TurnOutcome),
    Storage(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Storage(error)
    }
}

impl Refresh<'_> {
    /// One step: the place after it (`None`: all is done), and how many repositories it counts.
    async fn step(&self, place: Place) -> Result<(Option<Place>, u64), Stop> {
        let store = &self.app.store;
        Ok(match place {
            Place::Reading(page) => {
                let (next, seen) = self.read(page).await?;
                let next = match next {
                    Some(next) => Some(Place::Reading(next)),
                    None if store.has_vanished_repositories(self.namespace, self.generation).await? => {
                        Some(Place::Confirming(1))
                    }
                    None => None,
                };
                (next, seen)
            }
            Place::Confirming(page) => {
                let (next, _) = self.read(page).await?;
                (Some(next.map_or(Place::Removing, Place::Confirming)), 0)
            }
            Place::Removing => {
                self.still_ours()?;
                store.remove_vanished_repositories(self.namespace, self.generation).await?;
                (None, 0)
            }
        })
    }

    /// Takes in what this refresh has not seen yet of a page. The page after it, and how many repositories it lists.
    async fn read(&self, page: u32) -> Result<(Option<u32>, u64), Stop> {
        let page = self.provider.repositories(self.access(), page).await.map_err(|failure| self.explain(&failure))?;
        let (store, now) = (&self.app.store, self.app.clock.now());
        let ids = page.repositories.iter().map(|repository| repository.id);
        let read = store.read_repositories(self.namespace, ids).await?;
        let unseen = page.repositories.iter().filter(|repository| !read.found_since(repository.id, self.generation));
        let looks: Vec<_> = unseen.map(|repository| self.look_into(repository).boxed()).collect();
        let looks: Vec<_> = stream::iter(looks).buffer_unordered(CONCURRENCY).try_collect().await?;
        let repositories: Vec<_> = looks.into_iter().flatten().collect();
        self.still_ours()?;
        store.upsert_repositories(self.namespace, &repositories, &read, self.generation, now).await?;
        Ok((page.next, page.repositories.len() as u64))
    }

    /// What the list does not say. Nothing for a repository whose name is none.
    async fn look_into(&self, repository: &ProviderRepository) -> Result<Option<Repository>, Stop> {
        let Ok(name) = RepositoryName::new(&repository.name) else {
            tracing::warn!(id = repository.id, "a repository without a usable name is left out");
            return Ok(None);
        };
        let setup = match self.namespace.vcs {
            Vcs::Github => match self.provider.has_file(self.access(), repository, WORKFLOW).await {
                Ok(found) => found,
                // The App may not look into this one, so nothing can run there either.
                Err(Failure::Forbidden) => false,
                Err(failure) => return Err(self.explain(&failure)),
            },
            Vcs::Gitlab => false,
        };
        Ok(Some(Repository { id: repository.id, owner: repository.owner.clone(), name, setup }))
    }

    /// A worker that was frozen for so long that another may be at it writes nothing any more.
    fn still_ours(&self) -> Result<(), Stop> {
        if self.app.clock.now() < self.held_until { Ok(()) } else { Err(Stop::Ended(TurnOutcome::Lost)) }
    }

    fn access(&self) -> InstallationAccess<'_> {
        let installation = self.namespace.installation;
        InstallationAccess { installation, token: self.token, now: self.app.clock.now() }
    }

    fn explain(&self, failure: &Failure) -> Stop {
        let name = name(self.namespace.vcs);
        tracing::warn!(error = %failure, "a provider did not do its part");
        Stop::Ended(match failure {
            Failure::Busy(wait) => TurnOutcome::Wait(*wait),
            Failure::Unavailable(_) => TurnOutcome::Unavailable(format!("{name} was away")),
            Failure::Rejected | Failure::Forbidden | Failure::NotFound => {
                TurnOutcome::Over(TaskState::Failed, format!("{name} does not let this service see the installation"))
            }
        })
    }
}

const fn name(vcs: Vcs) -> &'static str {
    match vcs {
        Vcs::Github => "GitHub",
        Vcs::Gitlab => "GitLab",
    }
}
