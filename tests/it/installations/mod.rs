//! Installations: which ones a person belongs to, refreshing their repositories, and setting up GitLab groups.

mod github_listing;
mod gitlab_listing;
mod membership_replacement;
mod onboarding;
mod refresh_requests;
mod stored_installations;

use std::collections::BTreeSet;

use serde_json::Value;
use terrapi::domain::{Capability, InstallationId, Namespace, Vcs};

use crate::support::TestService;

pub const GITHUB: &str = "/api/v1/user/github/installations";
pub const GITLAB: &str = "/api/v1/gitlab/installations";
/// The URL path that starts a refresh of the repositories of GitHub's installation 12345.
pub const REFRESH: &str = "/api/v1/github/installations/12345/repos/refresh";
/// GitHub's installation 12345.
pub const INSTALLATION: Namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };

/// The capability that limits a token to an installation.
pub fn limited_to(installation: &str) -> Capability {
    Capability::InstallationId(installation.into())
}

/// A token of the service's user that is limited to installation 12345.
pub fn token(service: &TestService) -> String {
    service.token(&[limited_to("12345")])
}

/// The ids in a listing of installations.
pub fn listed_ids(listing: &Value) -> Vec<&str> {
    listing["installations"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect()
}

pub fn installation_ids<const N: usize>(ids: [u64; N]) -> BTreeSet<InstallationId> {
    ids.into_iter().map(InstallationId::new).collect()
}
