//! Installations, their repositories, runs, and tasks.

mod installations;
mod refresh;
mod repositories;
mod runs;
mod tasks;
mod turns;
mod worker;
mod worker_faults;

use terrapi::domain::{Capability, InstallationId, Namespace, Repository, RepositoryName, Vcs};

use crate::support::World;

/// Where a refresh begins.
const REFRESH: &str = "/api/v1/github/installations/12345/repos/refresh";

/// GitHub's 12345.
fn here() -> Namespace {
    Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) }
}

/// What a token needs to work in an installation.
fn named(installation: &str) -> Capability {
    Capability::InstallationId(installation.into())
}

/// A token of the world's user that names 12345.
fn token(world: &World) -> String {
    world.token(&[named("12345")])
}

fn repository(id: u64, name: &str) -> Repository {
    Repository { id, owner: "acme".into(), name: RepositoryName::new(name).unwrap(), setup: false }
}
