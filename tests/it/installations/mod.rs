//! Memberships of users in installations, as their provider reports them.

mod github_listing;
mod gitlab_listing;
mod membership_replacement;
mod onboarding;
mod refresh_requests;
mod stored_installations;

use std::collections::BTreeSet;

use serde_json::Value;
use terrapi::domain::{Identity, InstallationId, Profile, UserTokens, Vcs};

use crate::support::TestService;

pub const OCTOCAT: u64 = 583_231;
pub const TANUKI: u64 = 77;
pub const GITHUB: &str = "/api/v1/user/github/installations";
pub const GITLAB: &str = "/api/v1/gitlab/installations";

/// A service whose user has signed in with a provider, as octocat or tanuki.
pub async fn signed_in(vcs: Vcs) -> TestService {
    let service = TestService::new().await;
    let tokens = match vcs {
        Vcs::Github => service.github.tokens(OCTOCAT),
        Vcs::Gitlab => service.gitlab.tokens(TANUKI),
    };
    keep(&service, vcs, &tokens).await;
    service.faulty.ledger().take();
    service
}

async fn keep(service: &TestService, vcs: Vcs, tokens: &UserTokens) {
    let id = if vcs == Vcs::Github { OCTOCAT } else { TANUKI };
    let profile = Profile { id, login: "somebody".into(), name: None, email: None, avatar_url: None };
    let sealed = service.app.seal(vcs, id, tokens).unwrap();
    let identity = Identity { vcs, user: service.user, profile };
    assert!(service.app.store.put_identity(&identity, Some(&sealed), true, None).await.unwrap());
}

/// The ids in a listing.
pub fn ids(listing: &Value) -> Vec<&str> {
    listing["installations"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect()
}

pub fn set<const N: usize>(ids: [u64; N]) -> BTreeSet<InstallationId> {
    ids.into_iter().map(InstallationId::new).collect()
}
