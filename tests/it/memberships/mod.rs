//! Where people belong, as their provider has it.

mod checks;
mod faults;
mod github;
mod gitlab;
mod onboarding;

use std::collections::BTreeSet;

use serde_json::Value;
use terrapi::domain::{Identity, InstallationId, Profile, UserTokens, Vcs};

use crate::support::World;

const OCTOCAT: u64 = 583_231;
const TANUKI: u64 = 77;
const GITHUB: &str = "/api/v1/user/github/installations";
const GITLAB: &str = "/api/v1/gitlab/installations";

/// A world whose user has signed in with a provider, as octocat or tanuki.
pub async fn signed_in(vcs: Vcs) -> World {
    let world = World::new().await;
    let tokens = match vcs {
        Vcs::Github => world.github.tokens(OCTOCAT),
        Vcs::Gitlab => world.gitlab.tokens(TANUKI),
    };
    keep(&world, vcs, &tokens).await;
    world.faulty.ledger().take();
    world
}

async fn keep(world: &World, vcs: Vcs, tokens: &UserTokens) {
    let id = if vcs == Vcs::Github { OCTOCAT } else { TANUKI };
    let profile = Profile { id, login: "somebody".into(), name: None, email: None, avatar_url: None };
    let sealed = world.app.seal(vcs, id, tokens).unwrap();
    let identity = Identity { vcs, user: world.user, profile };
    assert!(world.app.store.put_identity(&identity, Some(&sealed), true, None).await.unwrap());
}

/// The numbers that a listing shows.
fn ids(listing: &Value) -> Vec<&str> {
    listing["installations"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap()).collect()
}

fn set<const N: usize>(ids: [u64; N]) -> BTreeSet<InstallationId> {
    ids.into_iter().map(InstallationId::new).collect()
}
