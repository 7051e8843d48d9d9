//! The credentials with which an administrator may call the administrators' routes.

use http::Method;
use serde_json::{Value, json};
use terrapi::auth::ApiKey;
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead};
use terrapi::domain::UserId;
use terrapi::runtime::Random;

use crate::support::{Reply, TestService};

const AUDIT: &str = "/api/v1/admin/audit";
const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

fn administrative_key() -> Value {
    json!({"name": "ops", "capabilities": ["access_token_create", "kv_store_read"], "administration": true})
}

/// Exchanges a key with this body. Returns the access token.
async fn exchanged(service: &TestService, key: &str, body: Option<Value>) -> String {
    service.call(Method::POST, REFRESH, key, body).await.ok()["token"].as_str().unwrap().to_owned()
}

fn assert_required(reply: &Reply) {
    assert_eq!(reply.failed(403), "ADMINISTRATOR_REQUIRED");
}

#[tokio::test]
async fn plain_token_of_an_administrator_is_refused() {
    let service = TestService::new().await;
    let key = service.api_key(&[AccessTokenCreate, KvStoreRead]).await;
    for body in [None, Some(json!({"capabilities": []})), Some(json!({"capabilities": ["kv_store_read"]}))] {
        let token = exchanged(&service, &key, body).await;
        assert_required(&service.get(AUDIT, &token).await);
        assert_required(&service.post(KEYS, &token_that_creates(&service), administrative_key()).await);
    }
    let asked = service.call(Method::POST, REFRESH, &key, Some(json!({"administration": true}))).await;
    assert_eq!((asked.failed(400), &asked.json()["data"]), ("CAPABILITY_NOT_HELD".into(), &json!("administration")));
}

fn token_that_creates(service: &TestService) -> String {
    service.token(&[AccessTokenCreate, KvStoreRead])
}

#[tokio::test]
async fn administrative_key_is_created_by_session_or_such_a_token() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let first = service.browse(Method::POST, KEYS, &cookie, Some(administrative_key())).await.ok();
    assert_eq!(first["administration"], true);
    let token = exchanged(&service, first["refresh_token"].as_str().unwrap(), None).await;
    service.get(AUDIT, &token).await.ok();
    let second = service.post(KEYS, &token, administrative_key()).await.ok();
    let plain = service.post(KEYS, &token, json!({"name": "plain", "capabilities": []})).await.ok();
    assert_eq!((&second["administration"], &plain["administration"]), (&json!(true), &json!(false)));
    let listed = service.get(KEYS, &token).await.ok()["results"].clone();
    let shown: Vec<_> = listed.as_array().unwrap().iter().map(|key| (&key["name"], &key["administration"])).collect();
    let (ops, plain) = (json!("ops"), json!("plain"));
    assert_eq!(shown, [(&ops, &json!(true)), (&ops, &json!(true)), (&plain, &json!(false))]);
}

#[tokio::test]
async fn ordinary_user_cannot_create_an_administrative_key() {
    let service = TestService::new().await;
    let user = UserId::new(Random::default().id().unwrap());
    let cookie = service.session_of(user).await;
    assert_required(&service.browse(Method::POST, KEYS, &cookie, Some(administrative_key())).await);
    let listed = service.browse(Method::GET, KEYS, &cookie, None).await.ok();
    assert_eq!(listed["results"], json!([]), "nothing was created");
    // A key from the time when they were an administrator administers nothing afterwards.
    service.app.store.set_administrator(user, true).await.unwrap();
    let key = service.browse(Method::POST, KEYS, &cookie, Some(administrative_key())).await.ok();
    service.app.store.set_administrator(user, false).await.unwrap();
    let token = exchanged(&service, key["refresh_token"].as_str().unwrap(), None).await;
    assert_required(&service.get(AUDIT, &token).await);
}

#[tokio::test]
async fn narrowed_token_administers_only_when_requested() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let created = service.browse(Method::POST, KEYS, &cookie, Some(administrative_key())).await.ok();
    let key = created["refresh_token"].as_str().unwrap();
    assert!(ApiKey::parse(key).is_some());
    for (body, administers) in [
        (None, true),
        (Some(json!({})), true),
        (Some(json!({"administration": null})), true),
        (Some(json!({"administration": true})), true),
        (Some(json!({"administration": false})), false),
        (Some(json!({"capabilities": ["kv_store_read"]})), false),
        (Some(json!({"capabilities": ["access_token_create", "kv_store_read"]})), false),
        (Some(json!({"capabilities": [], "administration": false})), false),
        (Some(json!({"capabilities": [], "administration": true})), true),
    ] {
        let token = exchanged(&service, key, body.clone()).await;
        let reply = service.get(AUDIT, &token).await;
        if administers {
            reply.ok();
        } else {
            assert_required(&reply);
        }
    }
}

#[tokio::test]
async fn administrator_role_lost_during_creation_creates_nothing() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let creates = |request: &Value| request.to_string().contains("ConditionCheck");
    let gate = service.faulty.on("TransactWriteItems").matching(creates).hold_before_store();
    let create = service.browse(Method::POST, KEYS, &cookie, Some(administrative_key()));
    let lose = async {
        gate.arrived(1).await;
        service.app.store.set_administrator(service.user, false).await.unwrap();
        gate.release();
    };
    let (created, ()) = tokio::join!(create, lose);
    assert_required(&created);
    assert_eq!(service.get(KEYS, &token_that_creates(&service)).await.ok()["results"], json!([]));
}
