//! The life of a token: its use, its expiry, and its deletion with its team or organization.

use serde_json::{Value, json};
use terrapi::runtime::Clock;

use super::{LIST, by_id, data, described, legacy, problem, secret, status};
use crate::support::TestService;
use crate::support::organizations::PLATFORM;

async fn last_used(service: &TestService, token: &str, caller: &str) -> Value {
    service.app.background.settle().await;
    data(&service.get(token, caller).await, 200)["attributes"]["last-used-at"].clone()
}

#[tokio::test]
async fn token_use_is_recorded_first_and_then_once_a_minute() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let created = data(&service.post(&legacy(), &acme.organization_token, json!({})).await, 201);
    assert_eq!(created["attributes"]["last-used-at"], Value::Null);
    service.clock.advance_ms(5);
    let first = service.clock.now().rfc3339();
    assert_eq!(status(&service, &secret(&created)).await, 200);
    assert_eq!(last_used(&service, &by_id(&created), &acme.organization_token).await, first);
    service.clock.advance_ms(59_999);
    assert_eq!(status(&service, &secret(&created)).await, 200);
    assert_eq!(last_used(&service, &by_id(&created), &acme.organization_token).await, first);
    service.clock.advance_ms(1);
    assert_eq!(status(&service, &secret(&created)).await, 200);
    assert_eq!(last_used(&service, &by_id(&created), &acme.organization_token).await, service.clock.now().rfc3339());
    let list = service.get(LIST, &acme.organization_token).await.ok();
    assert_eq!(list["data"][0]["attributes"]["last-used-at"], service.clock.now().rfc3339());
}

#[tokio::test]
async fn exchange_counts_as_a_use() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.post("/api/v1/access-token/refresh", &acme.team_token, json!({})).await.ok();
    let used = last_used(&service, &legacy(), &acme.organization_token).await;
    assert_eq!(used, service.clock.now().rfc3339());
}

#[tokio::test]
async fn expired_token_is_refused_but_still_listed() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let end = terrapi::domain::Millis(service.clock.now().0 + 1_000).rfc3339();
    let body = json!({"data": {"attributes": {"expired-at": end}}});
    let created = data(&service.post(&legacy(), &acme.organization_token, body).await, 201);
    service.clock.advance_ms(999);
    assert_eq!(status(&service, &secret(&created)).await, 200);
    service.clock.advance_ms(1);
    assert_eq!(status(&service, &secret(&created)).await, 401);
    let exchange = service.post("/api/v1/access-token/refresh", &secret(&created), json!({})).await;
    assert_eq!(exchange.failed(403), "INVALID_TOKEN");
    assert_eq!(data(&service.get(&legacy(), &acme.organization_token).await, 200)["id"], created["id"]);
}

#[tokio::test]
async fn deleting_a_team_revokes_its_tokens_at_once() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.described(&acme.platform, 120).await;
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let described = data(&service.post(&described(), &acme.organization_token, body).await, 201);
    let grant = service.post("/api/v1/access-token/refresh", &acme.team_token, json!({})).await.ok();
    let deleted = service.delete(&format!("/api/v2/teams/{PLATFORM}"), &acme.organization_token).await;
    assert_eq!(deleted.status, 204, "{deleted:?}");
    for secret in [&acme.team_token, &secret(&described)] {
        assert_eq!(status(&service, secret).await, 401);
        let exchange = service.post("/api/v1/access-token/refresh", secret, json!({})).await;
        assert_eq!(exchange.failed(403), "INVALID_TOKEN");
    }
    problem(&service.get(&by_id(&described), &acme.organization_token).await, 404);
    assert_eq!(service.get(LIST, &acme.organization_token).await.ok()["data"], json!([]));
    let token = grant["access_token"].as_str().unwrap();
    let record = service.get("/api/v1/github/kv/12345/key/a", token).await;
    assert_eq!(record.failed(403), "INSTALLATION_FORBIDDEN", "its user belongs nowhere any longer");
    let snapshot =
        service.app.store.find_organization_with_tokens(acme.organization.id.organization()).await.unwrap().unwrap();
    assert_eq!(snapshot.tokens.len(), 1, "the organization's own is left, and no row of the team's");
}

#[tokio::test]
async fn deleting_an_organization_deletes_its_parts_and_frees_names() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.described(&acme.platform, 60).await;
    let owner = service.token(&[terrapi::domain::Capability::AccessTokenCreate]);
    assert_eq!(service.delete("/api/v2/organizations/acme", &owner).await.status, 204);
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(status(&service, secret).await, 401);
    }
    problem(&service.get("/api/v2/organizations/acme", &owner).await, 404);
    assert_eq!(service.get("/api/v2/organizations", &owner).await.ok()["data"], json!([]));
    let again = service.acme().await;
    assert_eq!(status(&service, &again.team_token).await, 200);
    assert_eq!(service.get(LIST, &owner).await.ok()["meta"]["pagination"]["total-count"], 1);
}

#[tokio::test]
async fn token_of_a_deleted_creator_shows_a_null_creator() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let managers = terrapi::domain::organization::Team {
        access: terrapi::domain::organization::OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let token = service.team_with_token(&managers).await;
    let created = data(&service.post(&legacy(), &token, json!({})).await, 201);
    let creator = &created["relationships"]["created-by"]["data"];
    assert_eq!(*creator, json!({"id": managers.id.to_string(), "type": "teams"}));
    assert_eq!(service.delete(&format!("/api/v2/teams/{}", managers.id), &acme.organization_token).await.status, 204);
    let shown = data(&service.get(&by_id(&created), &acme.organization_token).await, 200);
    assert_eq!(shown["relationships"]["created-by"], json!({"data": null}));
    let list = service.get(LIST, &acme.organization_token).await.ok();
    assert_eq!(list["data"][0]["relationships"]["created-by"], json!({"data": null}));
}
