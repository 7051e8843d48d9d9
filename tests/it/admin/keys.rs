//! Creating, listing and deleting keys.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, KvStoreRead, KvStoreWrite};

use crate::support::TestService;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

#[tokio::test]
async fn key_carries_requested_capabilities_and_the_path_vcs() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate, KvStoreRead, KvStoreWrite]);
    let scoped = json!({"name": "installation_id", "id": "12345"});
    let body = json!({"name": "ci", "capabilities": ["kv_store_read", scoped, "kv_store_read"]});
    let created = service.post(KEYS, &admin, body).await.ok();
    let vcs = json!({"name": "vcs", "vcs": "github"});
    assert_eq!(created["capabilities"], json!([scoped, "kv_store_read", vcs]), "in order, each once");
    assert!(created["refresh_token"].as_str().unwrap().starts_with("tt_test_"));
    assert!(created["created_at"].is_string() && created.get("expires_at").is_none());
    let token = service.call(Method::POST, REFRESH, created["refresh_token"].as_str().unwrap(), None).await.ok();
    let token = token["token"].as_str().unwrap();
    assert_eq!(service.get("/api/v1/github/kv/12345/iter/", token).await.ok()["results"], json!([]));
    assert_eq!(service.get("/api/v1/gitlab/kv/12345/iter/", token).await.failed(403), "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn unheld_capabilities_are_named_and_create_no_key() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate, KvStoreRead]);
    for (asked, named) in [
        (json!("kv_store_write"), "kv_store_write"),
        (json!("access_token_refresh"), "access_token_refresh"),
        (json!("kv_store_system_read"), "kv_store_system_read"),
        (json!({"name": "installation_id", "id": "999"}), "installation_id:999"),
        (json!({"name": "vcs", "vcs": "gitlab"}), "vcs:gitlab"),
    ] {
        let reply = service.post(KEYS, &admin, json!({"name": "n", "capabilities": [asked]})).await;
        assert_eq!((reply.failed(400), &reply.json()["data"]), ("CAPABILITY_NOT_HELD".into(), &json!(named)));
    }
    let reply = service.post(KEYS, &admin, json!({"name": "n", "capabilities": ["everything"]})).await;
    assert_eq!(reply.failed(400), "INVALID_CAPABILITY");
    assert_eq!(service.get(KEYS, &admin).await.ok()["results"], json!([]));
}

#[tokio::test]
async fn created_key_keeps_its_creators_restrictions() {
    let service = TestService::new().await;
    let creator = service.token(&[AccessTokenCreate, KvStoreRead, InstallationId("12345".into())]);
    let body = json!({"name": "child", "capabilities": ["kv_store_read"]});
    let child = service.post(KEYS, &creator, body).await.ok();
    assert_eq!(child["capabilities"][0], json!({"name": "installation_id", "id": "12345"}));
    let other = json!({"name": "installation_id", "id": "67890"});
    let reply = service.post(KEYS, &creator, json!({"name": "n", "capabilities": [other]})).await;
    assert_eq!(reply.json()["data"], "installation_id:67890", "a member, but the creator's token does not reach it");
}

#[tokio::test]
async fn keys_are_listed_by_name_and_id_and_filtered_by_vcs() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    for name in ["b", "a", "c", "a", "ä"] {
        service.post(KEYS, &admin, json!({"name": name, "capabilities": []})).await.ok();
    }
    service.post("/api/v1/gitlab/access-token", &admin, json!({"name": "z", "capabilities": []})).await.ok();
    let (mut path, mut found) = (format!("{KEYS}?limit=2"), Vec::<Value>::new());
    loop {
        let reply = service.get(&path, &admin).await;
        found.extend(reply.ok()["results"].as_array().unwrap().iter().cloned());
        match reply.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    let names: Vec<&str> = found.iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "a", "b", "c", "ä"]);
    assert!(found[0]["id"].as_str() < found[1]["id"].as_str());
    assert!(found.iter().all(|key| key.get("refresh_token").is_none()));
    let gitlab = service.get("/api/v1/gitlab/access-token", &admin).await;
    assert_eq!((gitlab.ok()["results"].as_array().unwrap().len(), gitlab.next()), (1, None));
}

#[tokio::test]
async fn expired_key_is_refused_without_leeway() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let body = json!({"name": "brief", "capabilities": [], "expires_at": "2026-09-21T14:14:00Z"});
    let created = service.post(KEYS, &admin, body).await.ok();
    assert_eq!(created["expires_at"], "2026-09-21T14:14:00.000Z");
    let key = created["refresh_token"].as_str().unwrap();
    service.clock.advance_ms(39_999);
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.clock.advance_ms(1);
    assert_eq!(service.call(Method::POST, REFRESH, key, None).await.failed(403), "INVALID_TOKEN");
    for bad in ["2026-09-21T14:14:00Z", "yesterday", "2026-13-01T00:00:00Z"] {
        let body = json!({"name": "n", "capabilities": [], "expires_at": bad});
        assert_eq!(
            service.post(KEYS, &service.token(&[AccessTokenCreate]), body).await.failed(400),
            "INVALID_BODY",
            "{bad}"
        );
    }
}

#[tokio::test]
async fn other_users_key_cannot_be_seen_or_deleted() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let created = service.post(KEYS, &admin, json!({"name": "mine", "capabilities": []})).await.ok();
    let id = created["id"].as_str().unwrap();
    let stranger = terrapi::domain::UserId::new(terrapi::runtime::Random::default().id().unwrap());
    let other = service.token_of(stranger, &[AccessTokenCreate]);
    assert_eq!(service.get(KEYS, &other).await.ok()["results"], json!([]));
    assert_eq!(service.delete(&format!("{KEYS}?id={id}"), &other).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(&format!("{KEYS}/{id}/audit"), &other).await.failed(404), "NOT_FOUND");
    let elsewhere = service.delete(&format!("/api/v1/gitlab/access-token?id={id}"), &admin).await;
    assert_eq!(elsewhere.failed(404), "NOT_FOUND");
    assert_eq!(service.delete(&format!("{KEYS}?id=nonsense"), &admin).await.failed(400), "INVALID_QUERY");
    let deleted = service.delete(&format!("{KEYS}?id={id}"), &admin).await;
    assert_eq!(deleted.ok(), json!({"descendants": []}));
}

#[tokio::test]
async fn key_creation_with_a_lost_answer_creates_one_key() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let hits = service.faulty.on("TransactWriteItems").nth(1).cut_after_store();
    service.post(KEYS, &admin, json!({"name": "once", "capabilities": []})).await.ok();
    assert_eq!(hits.count(), 1);
    assert_eq!(service.get(KEYS, &admin).await.ok()["results"].as_array().unwrap().len(), 1);
}
