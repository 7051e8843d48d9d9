//! Installations, their repositories, runs, and tasks.

mod interrupted_refresh;
mod kv_stream;
pub mod membership_checks;
mod repository_refresh;
mod stored_repositories;
mod task_leases;

use terrapi::domain::{Capability, InstallationId, Namespace, Repository, RepositoryName, Vcs};

use crate::support::TestService;

/// Where a refresh begins.
pub const REFRESH: &str = "/api/v1/github/installations/12345/repos/refresh";

/// GitHub's 12345.
pub fn here() -> Namespace {
    Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) }
}

/// The capability that limits a token to an installation.
pub fn named(installation: &str) -> Capability {
    Capability::InstallationId(installation.into())
}

/// A token of the service's user that names 12345.
pub fn token(service: &TestService) -> String {
    service.token(&[named("12345")])
}

fn repository(id: u64, name: &str) -> Repository {
    Repository { id, owner: "acme".into(), name: RepositoryName::new(name).unwrap(), setup: false }
}
