//! An organization works only while one of its owners is a member of its installation.

use std::collections::BTreeSet;

use serde_json::json;
use terrapi::domain::Capability::AccessTokenCreate;
use terrapi::domain::UserId;
use terrapi::domain::organization::Team;
use terrapi::runtime::Random;

use super::{ACCOUNT, LIST, problem, status};
use crate::memberships::signed_in;
use crate::support::World;
use crate::support::world::{KV, MemberOf};

const EXCHANGE: &str = "/api/v1/access-token/refresh";
/// The world's user at GitHub.
const OCTOCAT: u64 = 583_231;

/// The world's user leaves GitHub's 12345, and the service learns of it.
async fn leave(world: &World) {
    world.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    world.get("/api/v1/user/github/installations", &world.token(&[])).await.ok();
}

/// Somebody else who is a member of 12345.
async fn other_member(world: &World) -> UserId {
    let user = UserId::new(Random::default().id().unwrap());
    world.join(user, MemberOf(12345)).await;
    user
}

#[tokio::test]
async fn tokens_end_with_the_last_owners_membership() {
    let world = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = world.acme().await;
    let grant = world.post(EXCHANGE, &acme.team_token, json!({})).await.ok();
    let access = grant["access_token"].as_str().unwrap();
    let record = format!("{KV}/key/k");
    world.put(&record, access, json!({"data": 1})).await.ok();
    leave(&world).await;
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(status(&world, secret).await, 401);
        problem(&world.get(LIST, secret).await, 401);
    }
    assert_eq!(world.post(EXCHANGE, &acme.team_token, json!({})).await.failed(403), "INVALID_TOKEN");
    world.clock.advance_ms(65_000);
    assert_eq!(world.put(&record, access, json!({"data": 2})).await.failed(403), "INVALID_TOKEN");
    world.join(world.user, MemberOf(12345)).await;
    assert_eq!(status(&world, &acme.team_token).await, 200, "it works again with its owner");
}

#[tokio::test]
async fn one_owner_in_the_installation_keeps_the_tokens() {
    let world = signed_in(terrapi::domain::Vcs::Github).await;
    let other = other_member(&world).await;
    let acme = world.acme_of(BTreeSet::from([world.user, other])).await;
    leave(&world).await;
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(status(&world, secret).await, 200);
    }
    world.post(EXCHANGE, &acme.team_token, json!({})).await.ok();
}

#[tokio::test]
async fn an_older_row_that_names_no_owners_team_works() {
    let world = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = world.acme().await;
    world.backend.remove_attribute("organization#acme1111", "organization", "owners_team").await;
    assert_eq!(status(&world, &acme.team_token).await, 200);
    leave(&world).await;
    assert_eq!(status(&world, &acme.team_token).await, 401);
}

#[tokio::test]
async fn a_member_of_a_team_loses_an_unowned_organization() {
    let world = signed_in(terrapi::domain::Vcs::Github).await;
    let other = other_member(&world).await;
    world.acme().await;
    let readers = Team { users: BTreeSet::from([other]), ..world.team("team-acme1111readers1", &[]) };
    world.team_with_token(&readers).await;
    let token = world.token_of(other, &[AccessTokenCreate]);
    let path = "/api/v2/organizations/acme";
    world.get(path, &token).await.ok();
    leave(&world).await;
    problem(&world.get(path, &token).await, 404);
    assert_eq!(world.get("/api/v2/organizations", &token).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn an_unowned_organizations_token_is_refused_in_the_trail() {
    let world = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = world.acme().await;
    leave(&world).await;
    problem(&world.get(ACCOUNT, &acme.team_token).await, 401);
    world.app.background.settle().await;
    let trail = world.get("/api/v1/admin/audit?action=team_token_used", &world.admin_token(&[])).await.ok();
    let [entry] = trail["results"].as_array().unwrap().as_slice() else { panic!("{trail}") };
    assert_eq!(entry["outcome"], "refused", "{trail}");
}
