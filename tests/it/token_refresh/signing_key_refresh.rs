//! A signing process refreshes its keys periodically, with a bounded number of reads.

use std::sync::Arc;

use http::Method;
use terrapi::auth::SigningKeyFile;
use terrapi::http::lambda_service;
use terrapi::runtime::Signing;
use tower::ServiceExt;

use crate::support::moto::Moto;
use crate::support::service::request;
use crate::support::signed_tokens::kid;
use crate::support::{Reply, TestService};

const OLD: &str = "the-old-seed-0123456789-abcdefghijklmnopqrstuvwxyz";
const NEW: &str = "the-new-seed-0123456789-abcdefghijklmnopqrstuvwxyz";

async fn exchange(service: &TestService, signing: &Arc<Signing>, api_key: &str) -> Reply {
    let function = lambda_service(token_refresh::routes(signing.clone()), service.app.clone());
    let exchange = request(Method::POST, "/api/v1/access-token/refresh", api_key, None);
    Reply::read(function.oneshot(exchange).await.unwrap()).await
}

async fn signed_by(service: &TestService, signing: &Arc<Signing>, api_key: &str) -> String {
    kid(exchange(service, signing, api_key).await.ok()["token"].as_str().unwrap())
}

#[tokio::test]
async fn exchanges_read_no_secret_and_survive_its_loss() {
    let (service, mut moto) = (TestService::new().await, Moto::start().await);
    let arn = moto.create("signing-keys", SigningKeyFile::new(OLD.into()).to_text().unwrap().reveal()).await;
    let signing = Arc::new(Signing::load(&moto.config(&arn), &service.app).await.unwrap());
    let api_key = service.api_key(&[]).await;
    let key = signed_by(&service, &signing, &api_key).await;
    // From here on reading the secret fails. A successful read would publish the key again.
    moto.stop();
    service.app.background.settle().await;
    service.faulty.ledger().take();
    for _ in 0..1_000 {
        assert_eq!(signed_by(&service, &signing, &api_key).await, key);
    }
    service.app.background.settle().await;
    let calls = service.faulty.ledger().take();
    let kinds = ["GetItem", "PutItem"].map(|kind| calls.iter().filter(|call| call.operation == kind).count());
    assert_eq!((kinds, calls.len()), ([1_000, 1_000], 2_000), "the key's row and the audit entry");
    for minutes in [5, 1, 60] {
        service.clock.advance_ms(minutes * 60_000);
        assert_eq!(signed_by(&service, &signing, &api_key).await, key, "the cached key stays in use");
    }
}

#[tokio::test]
async fn failed_key_refresh_is_retried_after_a_minute() {
    let (service, moto) = (TestService::new().await, Moto::start().await);
    let arn = moto.create("signing-keys", SigningKeyFile::new(OLD.into()).to_text().unwrap().reveal()).await;
    let signing = Arc::new(Signing::load(&moto.config(&arn), &service.app).await.unwrap());
    let api_key = service.api_key(&[]).await;
    let old = signed_by(&service, &signing, &api_key).await;
    // Changed manually and without the old seed: the new key signs at once.
    let changed = SigningKeyFile::new(NEW.into()).to_text().unwrap();
    moto.client.put_secret_value().secret_id(&arn).secret_string(changed.reveal()).send().await.unwrap();
    service.clock.advance_ms(299_999);
    assert_eq!(signed_by(&service, &signing, &api_key).await, old);
    service.clock.advance_ms(1);
    // The new key cannot be published, so no process may sign with it.
    service.faulty.on("UpdateItem").matching(|call| call["Key"]["pk"]["S"] == "public-keys").cut_before_store();
    assert_eq!(signed_by(&service, &signing, &api_key).await, old);
    service.faulty.heal();
    service.clock.advance_ms(59_999);
    assert_eq!(signed_by(&service, &signing, &api_key).await, old);
    service.clock.advance_ms(1);
    let new = signed_by(&service, &signing, &api_key).await;
    assert_ne!(new, old);
    let jwks = lambda_service(token_refresh::routes(signing.clone()), service.app.clone());
    let jwks = jwks.oneshot(request(Method::GET, "/.well-known/jwks.json", "", None)).await.unwrap();
    let jwks = Reply::read(jwks).await.ok();
    let kids: Vec<_> = jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap()).collect();
    assert_eq!((kids[0], kids.len()), (new.as_str(), 3), "the newest first, the service's own and the old one too");
    assert!(kids.contains(&old.as_str()));
}

#[tokio::test]
async fn key_set_is_served_while_storage_is_unavailable() {
    let service = TestService::new().await;
    service.faulty.on("*").cut_before_store();
    let jwks = service.get("/.well-known/jwks.json", "").await.ok();
    assert_eq!(jwks["keys"][0]["kid"], service.signer.active_key().unwrap().kid.as_str());
}
