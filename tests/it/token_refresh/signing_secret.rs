//! How the exchange function loads its signing secret.

use std::error::Error as _;
use std::sync::Arc;

use serde_json::json;
use terrapi::auth::{HEAD_START_SECONDS, Signer, SigningKeyFile};
use terrapi::runtime::{Clock, Signing};

use crate::support::TestService;
use crate::support::moto::Moto;
use crate::support::signed_tokens::{kid, token, whoami};

const OLD: &str = "the-old-seed-0123456789-abcdefghijklmnopqrstuvwxyz";
const NEW: &str = "the-new-seed-0123456789-abcdefghijklmnopqrstuvwxyz";

fn text(file: &SigningKeyFile) -> String {
    serde_json::to_string(file).unwrap()
}

async fn load(service: &TestService, moto: &Moto, secret: &str) -> Arc<Signer> {
    let signing = Signing::load(&moto.config(secret), &service.app).await.unwrap_or_else(|error| panic!("{error:?}"));
    signing.signer(&service.app).await
}

#[tokio::test]
async fn new_seed_signs_after_its_activation_delay() {
    let (service, moto) = (TestService::new().await, Moto::start().await);
    let arn = moto.create("signing-keys", &text(&SigningKeyFile::new(OLD.into()))).await;
    assert!(arn.starts_with("arn:aws:secretsmanager:"), "{arn}");

    let old = load(&service, &moto, &arn).await;
    assert_eq!(old.public_keys().len(), 1);
    let again = load(&service, &moto, "signing-keys").await;
    assert_eq!(
        again.public_keys(),
        old.public_keys(),
        "the same seed gives the same key, also when read by the secret's name"
    );
    let signed_before = token(&service, &old);
    let long_running = service.sandbox();
    whoami(&long_running, &signed_before).await.ok();

    let rotated = text(&SigningKeyFile::new(NEW.into()).with_verifying_seed(OLD.into()));
    moto.client.put_secret_value().secret_id(&arn).secret_string(rotated).send().await.unwrap();
    let new = load(&service, &moto, &arn).await;
    let kids: Vec<&str> = new.public_keys().iter().map(|key| key.kid.as_str()).collect();
    assert_eq!((kids.len(), kids[1]), (2, old.public_keys()[0].kid.as_str()));
    assert_ne!(kids[0], kids[1]);
    assert_eq!(kid(&token(&service, &new)), kids[1], "few verifiers know the new key yet");
    service.clock.advance_ms(HEAD_START_SECONDS * 1_000 - 1);
    assert_eq!(kid(&token(&service, &new)), kids[1]);
    let last_of_old = token(&service, &new);
    service.clock.advance_ms(1);
    let signed_after = token(&service, &new);
    assert_eq!(kid(&signed_after), kids[0]);
    for verifier in [&long_running, &service.sandbox()] {
        whoami(verifier, &signed_after).await.ok();
        whoami(verifier, &last_of_old).await.ok();
    }
}

/// The reason for the activation delay: a verifier that has just looked up a key does not look again immediately.
#[tokio::test]
async fn key_without_activation_delay_is_refused_by_warm_caches() {
    let service = TestService::new().await;
    let verifier = service.sandbox();
    let signer = Signer::new(&SigningKeyFile::new(NEW.into()), "terrapi".into()).unwrap();
    assert_eq!(whoami(&verifier, &token(&service, &signer)).await.failed(403), "INVALID_TOKEN");
    service.app.store.publish_key(signer.active_key().unwrap(), service.clock.now()).await.unwrap();
    assert_eq!(whoami(&verifier, &token(&service, &signer)).await.failed(403), "INVALID_TOKEN");
    service.clock.advance_ms(10_000);
    whoami(&verifier, &token(&service, &signer)).await.ok();
}

#[tokio::test]
async fn malformed_secret_is_an_error_that_does_not_show_it() {
    let (service, moto) = (TestService::new().await, Moto::start().await);
    let wrong = [
        ("plain", NEW.to_owned(), "the signing keys are malformed"),
        ("empty", "{}".to_owned(), "the signing keys are malformed"),
        ("renamed", json!({"key": NEW}).to_string(), "the signing keys are malformed"),
        ("list", json!([NEW, NEW, NEW]).to_string(), "the signing keys are malformed"),
        ("nested", json!({"seed": {"text": NEW}}).to_string(), "the signing keys are malformed"),
        ("one-retired", json!({"seed": NEW, "retired": NEW}).to_string(), "the signing keys are malformed"),
        ("numbers", json!({"seed": NEW, "retired": [1]}).to_string(), "the signing keys are malformed"),
        ("cut", json!({"seed": NEW}).to_string().trim_end_matches('}').to_owned(), "the signing keys are malformed"),
        ("short", json!({"seed": &NEW[..42]}).to_string(), "too short"),
    ];
    for (name, text, reason) in wrong {
        let arn = moto.create(name, &text).await;
        refused(&service, &moto, &arn, reason).await;
    }
    let binary = moto.create_binary("binary", NEW.as_bytes()).await;
    refused(&service, &moto, &binary, "has no text").await;
    refused(&service, &moto, "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf", "ResourceNotFound")
        .await;
    let mut config = moto.config("none");
    config.signing_keys = None;
    let error = Signing::load(&config, &service.app).await.err().unwrap();
    assert!(error.to_string().contains("TERRAPI_SIGNING_KEYS is not set"), "{error}");
}

async fn refused(service: &TestService, moto: &Moto, secret: &str, reason: &str) {
    let error = Signing::load(&moto.config(secret), &service.app)
        .await
        .err()
        .unwrap_or_else(|| panic!("{secret} was accepted"));
    // As the log shows it, in both formats.
    let mut shown = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        shown = format!("{shown}: {error}");
        cause = error.source();
    }
    assert!(shown.contains(reason), "{secret}: {shown}");
    assert!(!shown.contains(&NEW[..16]), "{secret}: {shown}");
}
