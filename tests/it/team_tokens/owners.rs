//! An organization works only while at least one of its owners is a member of its installation.

use std::collections::BTreeSet;

use serde_json::json;
use terrapi::domain::Capability::AccessTokenCreate;
use terrapi::domain::UserId;
use terrapi::domain::organization::Team;
use terrapi::runtime::Random;

use super::{ACCOUNT, LIST, problem, status};
use crate::support::TestService;
use crate::support::provider_user::signed_in;
use crate::support::service::{KV, MemberOf};

const EXCHANGE: &str = "/api/v1/access-token/refresh";
/// The user id of the service's user at GitHub.
const OCTOCAT: u64 = 583_231;

/// Removes the service's user from GitHub installation 12345 and runs the membership check.
async fn leave(service: &TestService) {
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    service.get("/api/v1/user/github/installations", &service.token(&[])).await.ok();
}

/// Another user who is a member of installation 12345.
async fn other_member(service: &TestService) -> UserId {
    let user = UserId::new(Random::default().id().unwrap());
    service.join(user, MemberOf(12345)).await;
    user
}

#[tokio::test]
async fn tokens_are_revoked_when_the_last_owner_leaves() {
    let service = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = service.acme().await;
    let grant = service.post(EXCHANGE, &acme.team_token, json!({})).await.ok();
    let access = grant["access_token"].as_str().unwrap();
    let record = format!("{KV}/key/k");
    service.put(&record, access, json!({"data": 1})).await.ok();
    leave(&service).await;
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(status(&service, secret).await, 401);
        problem(&service.get(LIST, secret).await, 401);
    }
    assert_eq!(service.post(EXCHANGE, &acme.team_token, json!({})).await.failed(403), "INVALID_TOKEN");
    service.clock.advance_ms(65_000);
    assert_eq!(service.put(&record, access, json!({"data": 2})).await.failed(403), "INVALID_TOKEN");
    service.join(service.user, MemberOf(12345)).await;
    assert_eq!(status(&service, &acme.team_token).await, 200, "it works again with its owner");
}

#[tokio::test]
async fn one_owner_in_the_installation_keeps_the_tokens() {
    let service = signed_in(terrapi::domain::Vcs::Github).await;
    let other = other_member(&service).await;
    let acme = service.acme_of(BTreeSet::from([service.user, other])).await;
    leave(&service).await;
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(status(&service, secret).await, 200);
    }
    service.post(EXCHANGE, &acme.team_token, json!({})).await.ok();
}

#[tokio::test]
async fn row_without_an_owners_team_works() {
    let service = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = service.acme().await;
    service.backend.remove_attribute("organization#acme1111", "organization", "owners_team").await;
    assert_eq!(status(&service, &acme.team_token).await, 200);
    leave(&service).await;
    assert_eq!(status(&service, &acme.team_token).await, 401);
}

#[tokio::test]
async fn team_member_loses_access_to_an_unowned_organization() {
    let service = signed_in(terrapi::domain::Vcs::Github).await;
    let other = other_member(&service).await;
    service.acme().await;
    let readers = Team { users: BTreeSet::from([other]), ..service.team("team-acme1111readers1", &[]) };
    service.team_with_token(&readers).await;
    let token = service.token_of(other, &[AccessTokenCreate]);
    let path = "/api/v2/organizations/acme";
    service.get(path, &token).await.ok();
    leave(&service).await;
    problem(&service.get(path, &token).await, 404);
    assert_eq!(service.get("/api/v2/organizations", &token).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn refused_token_of_an_unowned_organization_is_audited() {
    let service = signed_in(terrapi::domain::Vcs::Github).await;
    let acme = service.acme().await;
    leave(&service).await;
    problem(&service.get(ACCOUNT, &acme.team_token).await, 401);
    service.app.background.settle().await;
    let trail = service.get("/api/v1/admin/audit?action=team_token_used", &service.admin_token(&[])).await.ok();
    let [entry] = trail["results"].as_array().unwrap().as_slice() else { panic!("{trail}") };
    assert_eq!(entry["outcome"], "refused", "{trail}");
}
