//! An API key is exchanged for an access token with the key's capabilities.

use http::Method;
use serde_json::json;
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, KvStoreRead, KvStoreWrite};

use crate::support::TestService;
use crate::support::service::KV;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

#[tokio::test]
async fn key_is_exchanged_for_a_token_that_writes_a_record() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead, KvStoreWrite]).await;
    let reply = service.call(Method::POST, REFRESH, &key, None).await.ok();
    let token = reply["token"].as_str().unwrap();
    assert_eq!(reply["access_token"], token);
    assert_eq!((reply["token_type"].as_str(), reply["expires_in"].as_i64()), (Some("Bearer"), Some(60)));

    let written = service.put(&format!("{KV}/key/deploy.status"), token, json!({"data": {"ok": true}})).await.ok();
    assert_eq!(written["data"], json!(null));
    let read = service.get(&format!("{KV}/key/deploy.status"), token).await.ok();
    assert_eq!(read["data"], json!({"ok": true}));
    assert_eq!(read["version"], written["version"]);
    assert_eq!(service.get("/api/v1/whoami", token).await.ok()["vcs"], json!(["github"]));
}

#[tokio::test]
async fn narrowed_token_carries_only_the_requested_capabilities() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead, KvStoreWrite, InstallationId("12345".into())]).await;
    let narrow = json!({"capabilities": ["kv_store_read"]});
    let token = service.post(REFRESH, &key, narrow).await.ok()["token"].as_str().unwrap().to_owned();
    assert_eq!(service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await.failed(403), "INSUFFICIENT_SCOPE");
    let other = "/api/v1/github/kv/67890/key/k";
    assert_eq!(service.get(other, &token).await.failed(403), "INSTALLATION_FORBIDDEN");
    let reply = service.post(REFRESH, &key, json!({"capabilities": ["access_token_create"]})).await;
    assert_eq!(reply.failed(400), "CAPABILITY_NOT_HELD");
    assert_eq!(reply.json()["data"], "access_token_create");
}

#[tokio::test]
async fn deleted_key_is_refused_at_once() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate, KvStoreRead]);
    let body = json!({"name": "ci", "capabilities": ["kv_store_read"]});
    let created = service.post(KEYS, &admin, body).await.ok();
    let (key, id) = (created["refresh_token"].as_str().unwrap(), created["id"].as_str().unwrap());
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.delete(&format!("{KEYS}?id={id}"), &admin).await.ok();
    assert_eq!(service.call(Method::POST, REFRESH, key, None).await.failed(403), "INVALID_TOKEN");
    assert_eq!(service.delete(&format!("{KEYS}?id={id}"), &admin).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn narrowing_names_all_capabilities_the_key_lacks() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead]).await;
    let body = json!({"capabilities": ["kv_store_write", "kv_store_read", "access_token_create"]});
    let (reply, calls) = service.faulty.ledger().during(service.post(REFRESH, &key, body)).await;
    assert_eq!(reply.failed(400), "CAPABILITY_NOT_HELD");
    assert_eq!(reply.json()["data"], "access_token_create,kv_store_write");
    assert_eq!(calls.len(), 1, "the key's own row");
}

#[tokio::test]
async fn last_use_is_recorded_per_minute_and_may_fail() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let created = service.post(KEYS, &admin, json!({"name": "k", "capabilities": []})).await.ok();
    let key = created["refresh_token"].as_str().unwrap();
    assert!(service.get(KEYS, &admin).await.ok()["results"][0].get("last_used_at").is_none());
    service.faulty.on("UpdateItem").cut_before_store();
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.app.background.settle().await;
    service.faulty.heal();
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.app.background.settle().await;
    let listed = service.get(KEYS, &admin).await.ok();
    assert_eq!(listed["results"][0]["last_used_at"], "2026-09-21T14:13:00.000Z");
}
