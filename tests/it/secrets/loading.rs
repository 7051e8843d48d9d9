//! What the exchange function makes of its secret.

use std::error::Error as _;

use serde_json::json;
use terrapi::auth::{Signer, SigningKeyFile};
use terrapi::runtime::load_signer;

use super::moto::Moto;
use super::{token, whoami};
use crate::support::World;

const OLD: &str = "the-old-seed-0123456789-abcdefghijklmnopqrstuvwxyz";
const NEW: &str = "the-new-seed-0123456789-abcdefghijklmnopqrstuvwxyz";

fn text(file: &SigningKeyFile) -> String {
    serde_json::to_string(file).unwrap()
}

async fn load(moto: &Moto, secret: &str) -> Signer {
    load_signer(&moto.config(secret)).await.unwrap_or_else(|error| panic!("{error:?}"))
}

#[tokio::test]
async fn a_rotated_secret_signs_with_the_new_key_and_the_old_one_s_tokens_stay_good() {
    let (world, moto) = (World::new().await, Moto::start().await);
    let arn = moto.create("signing-keys", &text(&SigningKeyFile::new(OLD.into()))).await;
    assert!(arn.starts_with("arn:aws:secretsmanager:"), "{arn}");

    let old = load(&moto, &arn).await;
    assert_eq!(old.public_keys().len(), 1);
    let again = load(&moto, "signing-keys").await;
    assert_eq!(again.public_keys(), old.public_keys(), "the same seed is the same key, by the secret's name too");
    world.app.store.put_public_keys(old.public_keys()).await.unwrap();
    let signed_before = token(&world, &old);
    let long_running = world.sandbox();
    whoami(&long_running, &signed_before).await.ok();

    let rotated = text(&SigningKeyFile::new(NEW.into()).with_verifying_seed(OLD.into()));
    moto.client.put_secret_value().secret_id(&arn).secret_string(rotated).send().await.unwrap();
    let new = load(&moto, &arn).await;
    let kids: Vec<&str> = new.public_keys().iter().map(|key| key.kid.as_str()).collect();
    assert_eq!((kids.len(), kids[1]), (2, old.public_keys()[0].kid.as_str()));
    assert_ne!(kids[0], kids[1]);
    let published: Vec<_> = new.jwks()["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect();
    assert_eq!(published, kids);

    world.app.store.put_public_keys(new.public_keys()).await.unwrap();
    let signed_after = token(&world, &new);
    whoami(&world.sandbox(), &signed_before).await.ok();
    whoami(&world.sandbox(), &signed_after).await.ok();
    whoami(&long_running, &token(&world, &old)).await.ok();
    assert_eq!(whoami(&long_running, &signed_after).await.failed(403), "INVALID_TOKEN", "it has just looked");
    world.clock.advance_ms(10_000);
    whoami(&long_running, &signed_after).await.ok();
    whoami(&long_running, &signed_before).await.ok();
}

#[tokio::test]
async fn a_secret_that_is_missing_or_of_another_shape_is_a_clear_error_that_does_not_show_it() {
    let moto = Moto::start().await;
    let wrong = [
        ("plain", NEW.to_owned(), "not of the expected shape"),
        ("empty", "{}".to_owned(), "not of the expected shape"),
        ("renamed", json!({"key": NEW}).to_string(), "not of the expected shape"),
        ("list", json!([NEW, NEW, NEW]).to_string(), "not of the expected shape"),
        ("nested", json!({"seed": {"text": NEW}}).to_string(), "not of the expected shape"),
        ("one-retired", json!({"seed": NEW, "retired": NEW}).to_string(), "not of the expected shape"),
        ("numbers", json!({"seed": NEW, "retired": [1]}).to_string(), "not of the expected shape"),
        ("cut", json!({"seed": NEW}).to_string().trim_end_matches('}').to_owned(), "not of the expected shape"),
        ("short", json!({"seed": &NEW[..42]}).to_string(), "too short"),
    ];
    for (name, text, reason) in wrong {
        let arn = moto.create(name, &text).await;
        refused(&moto, &arn, reason).await;
    }
    let binary = moto.create_binary("binary", NEW.as_bytes()).await;
    refused(&moto, &binary, "holds no text").await;
    refused(&moto, "arn:aws:secretsmanager:us-east-1:123456789012:secret:none-AbCdEf", "ResourceNotFound").await;
    let mut config = moto.config("none");
    config.signing_keys = None;
    let error = load_signer(&config).await.err().unwrap();
    assert!(error.to_string().contains("TERRAPI_SIGNING_KEYS is not set"), "{error}");
}

async fn refused(moto: &Moto, secret: &str, reason: &str) {
    let error = load_signer(&moto.config(secret)).await.err().unwrap_or_else(|| panic!("{secret} was taken"));
    // As a log shows it, in either way.
    let mut shown = format!("{error:?} {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        shown = format!("{shown}: {error}");
        cause = error.source();
    }
    assert!(shown.contains(reason), "{secret}: {shown}");
    assert!(!shown.contains(&NEW[..16]), "{secret}: {shown}");
}
