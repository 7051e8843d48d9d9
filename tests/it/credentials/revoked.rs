//! A revoked credential is refused by the next request, even when eventually consistent reads are stale.

use std::time::Duration;

use http::Method;
use serde_json::json;
use terrapi::domain::Capability::AccessTokenCreate;

use crate::support::TestService;
use crate::support::organizations::PLATFORM;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";
const ACCOUNT: &str = "/api/v2/account/details";

/// From now on, reads without `ConsistentRead` return the state before the next writes.
fn read_stale(service: &TestService) {
    service.faulty.on("*").stale(Duration::from_secs(600));
}

#[tokio::test]
async fn deleted_key_is_refused_by_stale_storage() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let created = service.post(KEYS, &admin, json!({"name": "k", "capabilities": []})).await.ok();
    let key = created["refresh_token"].as_str().unwrap();
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.app.background.settle().await;
    read_stale(&service);
    service.delete(&format!("{KEYS}?id={}", created["id"].as_str().unwrap()), &admin).await.ok();
    assert_eq!(service.call(Method::POST, REFRESH, key, None).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn ended_session_is_refused_by_stale_storage() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    service.browse(Method::GET, "/api/v1/whoami", &cookie, None).await.ok();
    read_stale(&service);
    service.browse(Method::POST, "/api/v1/logout", &cookie, None).await.ok();
    assert_eq!(service.browse(Method::GET, "/api/v1/whoami", &cookie, None).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn deleted_team_token_is_refused_by_stale_storage() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let legacy = format!("/api/v2/teams/{PLATFORM}/authentication-token");
    let exchange = async || service.call(Method::POST, REFRESH, &acme.team_token, None).await;
    assert_eq!(service.get(ACCOUNT, &acme.team_token).await.status, 200);
    exchange().await.ok();
    service.app.background.settle().await;
    read_stale(&service);
    assert_eq!(service.delete(&legacy, &acme.organization_token).await.status, 204);
    assert_eq!(service.get(ACCOUNT, &acme.team_token).await.status, 401);
    assert_eq!(exchange().await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn replaced_team_token_is_refused_by_stale_storage() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    read_stale(&service);
    let legacy = format!("/api/v2/teams/{PLATFORM}/authentication-token");
    let replaced = service.post(&legacy, &acme.organization_token, json!({})).await;
    assert_eq!(replaced.status, 201, "{replaced:?}");
    let token = replaced.json()["data"]["attributes"]["token"].as_str().unwrap().to_owned();
    assert_eq!(service.get(ACCOUNT, &acme.team_token).await.status, 401);
    assert_eq!(service.get(ACCOUNT, &token).await.status, 200);
}
