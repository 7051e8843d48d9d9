//! Access tokens: how long they are valid, and for what.

use http::Method;
use serde_json::json;
use terrapi::auth::{Signer, SigningKeyFile};
use terrapi::domain::Capability::{KvStoreRead, KvStoreWrite};
use terrapi::domain::UserId;
use terrapi::runtime::{Clock, Random};

use crate::support::service::{KV, request, send_to};
use crate::support::{MemberOf, TestService};

#[tokio::test]
async fn cached_token_expires_like_an_uncached_one() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let path = format!("{KV}/iter/");
    service.get(&path, &token).await.ok();
    service.clock.advance_ms(64_999);
    service.get(&path, &token).await.ok();
    service.clock.advance_ms(1);
    assert_eq!(service.get(&path, &token).await.failed(403), "INVALID_TOKEN");
    assert_eq!(
        send_to(&service.sandbox(), request(Method::GET, &path, &token, None)).await.failed(403),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn token_opens_only_the_installations_its_owner_belongs_to() {
    let service = TestService::new().await;
    let stranger = UserId::new(Random::default().id().unwrap());
    let path = format!("{KV}/iter/");
    let token = service.token_of(stranger, &[KvStoreRead]);
    assert_eq!(service.get(&path, &token).await.failed(403), "INSTALLATION_FORBIDDEN");
    service.join(stranger, MemberOf(12345)).await;
    service.get(&path, &token).await.ok();
    assert_eq!(service.get("/api/v1/github/kv/67890/iter/", &token).await.failed(403), "INSTALLATION_FORBIDDEN");
    assert_eq!(service.get("/api/v1/gitlab/kv/12345/iter/", &token).await.failed(403), "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn api_key_is_refused_outside_the_exchange() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead, KvStoreWrite]).await;
    for path in [format!("{KV}/iter/"), "/api/v1/whoami".into(), "/api/v1/github/access-token".into()] {
        assert_eq!(service.get(&path, &key).await.failed(403), "API_KEY_NOT_ACCEPTED", "{path}");
    }
    let token = service.kv_token();
    assert_eq!(
        service.call(Method::POST, "/api/v1/access-token/refresh", &token, None).await.failed(403),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn new_signing_key_is_looked_up_every_ten_seconds() {
    let service = TestService::new().await;
    let other = Signer::new(
        &SigningKeyFile::new("another-signing-key-0123456789-0123456789-0123456789".into()),
        "terrapi".into(),
    );
    let other = other.unwrap();
    let sign = |service: &TestService| {
        let claims = service.claims(&[KvStoreRead]);
        other.sign(&claims).unwrap()
    };
    service.faulty.ledger().take();
    for _ in 0..20 {
        assert_eq!(service.get(&format!("{KV}/iter/"), &sign(&service)).await.failed(403), "INVALID_TOKEN");
    }
    assert_eq!(service.faulty.ledger().take_lines().len(), 1, "one look for all twenty");
    service.app.store.publish_key(other.active_key().unwrap(), service.clock.now()).await.unwrap();
    service.clock.advance_ms(9_000);
    assert_eq!(service.get(&format!("{KV}/iter/"), &sign(&service)).await.failed(403), "INVALID_TOKEN");
    service.clock.advance_ms(1_000);
    service.get(&format!("{KV}/iter/"), &sign(&service)).await.ok();
    service.put(&format!("{KV}/key/k"), &service.kv_token(), json!({"data": 1})).await.ok();
}

#[tokio::test]
async fn warm_sandbox_verifies_without_storage_and_cold_is_503() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.get(&format!("{KV}/iter/"), &token).await.ok();
    let cold = service.sandbox();
    service.faulty.on("*").cut_before_store();
    assert_eq!(service.get("/api/v1/server/config", &token).await.status, 200);
    assert_eq!(service.get("/api/v1/whoami", &token).await.failed(503), "UNAVAILABLE", "verified, then no user");
    assert_eq!(send_to(&cold, request(Method::GET, "/api/v1/whoami", &token, None)).await.failed(503), "UNAVAILABLE");
    service.faulty.heal();
    service.clock.advance_ms(10_000);
    send_to(&cold, request(Method::GET, "/api/v1/whoami", &token, None)).await.ok();
}
