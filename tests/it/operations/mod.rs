//! Installations, their repositories, runs, and tasks.

mod installations;
mod leases;
mod refresh;
mod repositories;
mod runs;
mod tasks;
mod worker;
mod worker_faults;

use terrapi::domain::{Capability, InstallationId, Namespace, Repository, RepositoryName, Vcs};

use crate::support::TestService;

/// Where a refresh begins.
pub const REFRESH: &str = "/api/v1/github/installations/12345/repos/refresh";

/// GitHub's 12345.
pub fn here() -> Namespace {
    Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) }
}

/// The capability that limits a token to an installation.
fn named(installation: &str) -> Capability {
    Capability::InstallationId(installation.into())
}

/// A token of the service's user that names 12345.
fn token(service: &TestService) -> String {
    service.token(&[named("12345")])
}

fn repository(id: u64, name: &str) -> Repository {
    Repository { id, owner: "acme".into(), name: RepositoryName::new(name).unwrap(), setup: false }
}
