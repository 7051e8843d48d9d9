//! Rotation of the signing key while the service is in use.

use std::sync::Arc;

use futures::future::join_all;
use http::Method;
use key_rotation::{RETIRING_SECONDS, Rotation, RotationEvent, Step};
use serde_json::Value;
use terrapi::auth::{HEAD_START_SECONDS, Signer, SigningKeyFile};
use terrapi::http::lambda_service;
use terrapi::runtime::{Clock, Secrets, Signing};
use tower::ServiceExt;

use crate::support::faulty::{Faulty, Judge};
use crate::support::moto::Moto;
use crate::support::roles;
use crate::support::routes::Gateway;
use crate::support::service::request;
use crate::support::signed_tokens::{kid, token, whoami};
use crate::support::{Reply, TestService};

const SEED: &str = "the-first-seed-0123456789-abcdefghijklmnopqrstuvwxyz";
const STEPS: [Step; 4] = [Step::Create, Step::Set, Step::Test, Step::Finish];
/// A version's id has 32 characters or more.
pub const FIRST: &str = "11111111-1111-4111-8111-111111111111";
const SECOND: &str = "22222222-2222-4222-8222-222222222222";

/// A service whose signing key is a secret's, and who rotates it.
pub struct Rotating {
    pub service: TestService,
    pub moto: Moto,
    /// Between the functions and Secrets Manager.
    pub faulty: Faulty,
    secret: String,
    rotation: Rotation,
    api_key: String,
}

impl Rotating {
    async fn new() -> Self {
        Self::judged_by(Arc::new(roles::refusal)).await
    }

    /// The same with another judge of the functions' calls.
    pub async fn judged_by(judge: Judge) -> Self {
        let (service, moto) = (TestService::new().await, Moto::start().await);
        service.faulty.judge_by(judge.clone());
        let faulty = Faulty::start(moto.endpoint(), 7).await;
        faulty.judge_by(judge);
        let text = SigningKeyFile::new(SEED.into()).to_text().unwrap();
        let secret = moto.create("SigningSeed", text.reveal()).await;
        let secrets = Secrets::new(&moto.config_of("key-rotation", &secret, &faulty)).unwrap();
        let rotation = Rotation { secrets, secret: secret.clone(), app: service.app_of("key-rotation") };
        let api_key = service.api_key(&[]).await;
        let rotating = Self { service, moto, faulty, secret, rotation, api_key };
        rotating.signing().await;
        rotating.pass(HEAD_START_SECONDS);
        rotating
    }

    /// A new process that signs.
    async fn signing(&self) -> Arc<Signing> {
        Arc::new(self.try_signing().await.unwrap())
    }

    async fn try_signing(&self) -> terrapi::domain::Result<Signing> {
        let config = self.moto.config_of("token-refresh", &self.secret, &self.faulty);
        Signing::load(&config, &self.service.app_of("token-refresh")).await
    }

    fn pass(&self, seconds: i64) {
        self.service.clock.advance_ms(seconds * 1_000);
    }

    async fn step(&self, step: Step, version: &str) -> terrapi::domain::Result<()> {
        let event = RotationEvent { step, secret_id: self.secret.clone(), client_request_token: version.into() };
        self.rotation.step(&event).await
    }

    /// A whole rotation without an incident.
    pub async fn rotate(&self, version: &str) {
        self.moto.begin_rotation(&self.secret, version).await;
        for step in STEPS {
            self.step(step, version).await.unwrap();
        }
        self.moto.end_rotation(&self.secret, version).await;
    }

    /// Exchanges an API key through a signing process.
    async fn exchange(&self, signing: &Arc<Signing>) -> String {
        let function = lambda_service(token_refresh::routes(signing.clone()), self.service.app_of("token-refresh"));
        let exchange = request(Method::POST, "/api/v1/access-token/refresh", &self.api_key, None);
        let reply = Reply::read(function.oneshot(exchange).await.unwrap()).await;
        reply.ok()["token"].as_str().unwrap().to_owned()
    }

    /// The published kids, with whether each is being retired.
    async fn published(&self) -> Vec<(String, bool)> {
        let keys = self.service.app.store.list_published_keys(self.service.clock.now().seconds()).await.unwrap();
        let own = self.service.signer.active_key().unwrap();
        let keys = keys.into_iter().filter(|known| known.key != *own);
        keys.map(|known| (known.key.kid, known.until.is_some())).collect()
    }
}

/// Exchanges through every signer at once, and sends each token at once to every verifier. No request may be refused.
async fn traffic(
    rotating: &Rotating,
    signers: &[Arc<Signing>],
    verifiers: &[Gateway],
    older: &[String],
) -> Vec<String> {
    let chains = signers.iter().map(|signing| async move {
        let token = rotating.exchange(signing).await;
        for answer in join_all(verifiers.iter().map(|verifier| whoami(verifier, &token))).await {
            answer.ok();
        }
        token
    });
    let older = older.iter().flat_map(|token| verifiers.iter().map(move |verifier| whoami(verifier, token)));
    let (tokens, older) = tokio::join!(join_all(chains), join_all(older));
    older.iter().for_each(|answer| drop(answer.ok()));
    tokens
}

#[tokio::test]
async fn rotation_under_traffic_refuses_no_request() {
    let rotating = Rotating::new().await;
    let mut signers = vec![rotating.signing().await];
    rotating.pass(130);
    signers.push(rotating.signing().await);
    let verifiers = [rotating.service.sandbox(), rotating.service.sandbox(), rotating.service.sandbox()];
    let stranger = Signer::new(&SigningKeyFile::new("x".repeat(64)), "terrapi".into()).unwrap();
    let first = kid(&rotating.exchange(&signers[0]).await);
    rotating.moto.begin_rotation(&rotating.secret, FIRST).await;
    let (mut steps, mut rounds, mut switched) = (STEPS.iter(), Vec::<Vec<String>>::new(), Vec::new());
    for round in 0..60 {
        // Makes every verifier look up an unknown key, so that none of them may look again when the new key is
        // published.
        let forged = token(&rotating.service, &stranger);
        let forgeries = verifiers.iter().map(|verifier| whoami(verifier, &forged));
        let step = async {
            if round % 3 == 1
                && let Some(step) = steps.next()
            {
                rotating.step(*step, FIRST).await.unwrap();
            }
        };
        // The tokens of the last 56 seconds.
        let older = rounds.iter().rev().take(7).flatten().cloned().collect::<Vec<_>>();
        let work = traffic(&rotating, &signers, &verifiers, &older);
        let (tokens, forgeries, ()) = tokio::join!(work, join_all(forgeries), step);
        forgeries.iter().for_each(|answer| assert_eq!(answer.failed(403), "INVALID_TOKEN"));
        let new = tokens.iter().filter(|token| kid(token) != first).count();
        switched.push(new);
        rounds.push(tokens);
        // Processes that start during the rotation: before the new key is current, and before it may sign.
        if [5, 13].contains(&round) {
            signers.push(rotating.signing().await);
        }
        rotating.pass(8);
    }
    assert_eq!(steps.next(), None);
    // The key was published in round 4.
    let head_start = 4 + usize::try_from(HEAD_START_SECONDS / 8).unwrap();
    assert_eq!(
        switched[..=head_start].iter().sum::<usize>(),
        0,
        "no process signs with it before the activation delay: {switched:?}"
    );
    assert!(
        switched.is_sorted() && switched.last() == Some(&signers.len()),
        "all processes sign with it in the end: {switched:?}"
    );
    assert!(switched.iter().any(|new| (1..signers.len()).contains(new)), "for a while both keys sign: {switched:?}");
}

#[tokio::test]
async fn old_key_verifies_until_its_tokens_expire() {
    let rotating = Rotating::new().await;
    let (signing, verifier) = (rotating.signing().await, rotating.service.sandbox());
    let old = kid(&rotating.exchange(&signing).await);
    rotating.rotate(FIRST).await;
    rotating.pass(299);
    let last = rotating.exchange(&signing).await;
    assert_eq!(kid(&last), old, "the last refresh was less than five minutes ago");
    rotating.pass(1);
    let new = kid(&rotating.exchange(&signing).await);
    assert_ne!(new, old);
    rotating.pass(63);
    whoami(&verifier, &last).await.ok();
    whoami(&rotating.service.sandbox(), &last).await.ok();
    rotating.pass(1);
    assert_eq!(whoami(&verifier, &last).await.failed(403), "INVALID_TOKEN");

    // A signer with the old seed is accepted as long as the key is trusted, and not afterwards.
    let old_signer = Signer::new(&SigningKeyFile::new(SEED.into()), "terrapi".into()).unwrap();
    rotating.pass(RETIRING_SECONDS - 364 - 1);
    whoami(&verifier, &token(&rotating.service, &old_signer)).await.ok();
    let (long_running, cold) = (verifier, rotating.service.sandbox());
    rotating.pass(1);
    assert_eq!(whoami(&cold, &token(&rotating.service, &old_signer)).await.failed(403), "INVALID_TOKEN");
    rotating.pass(600);
    assert_eq!(whoami(&long_running, &token(&rotating.service, &old_signer)).await.failed(403), "INVALID_TOKEN");
    assert_eq!(rotating.published().await, [(new.clone(), false)]);
    assert_eq!(kid(&rotating.exchange(&rotating.signing().await).await), new);
    assert_eq!(rotating.published().await, [(new, false)], "a new process does not publish it again");
}

#[tokio::test]
async fn rotation_steps_are_idempotent_and_resumable() {
    let rotating = Rotating::new().await;
    let before = rotating.published().await;
    rotating.moto.begin_rotation(&rotating.secret, FIRST).await;
    for step in STEPS {
        // Storage is unavailable: the step fails, or does not need storage.
        rotating.service.faulty.on("*").cut_before_store();
        assert!(rotating.step(step, FIRST).await.is_err(), "{step:?}");
        rotating.service.faulty.heal();
        // The answer of storage is lost.
        rotating.service.faulty.on("UpdateItem").nth(1).cut_after_store();
        rotating.step(step, FIRST).await.unwrap();
        rotating.service.faulty.heal();
        let (text, published) = (rotating.text(FIRST).await, rotating.published().await);
        rotating.step(step, FIRST).await.unwrap();
        assert_eq!((rotating.text(FIRST).await, rotating.published().await), (text, published), "{step:?}");
    }
    let after = rotating.published().await;
    assert_eq!((before.len(), after.len(), after.iter().filter(|(_, going)| *going).count()), (1, 2, 1));
    assert!(after.contains(&(before[0].0.clone(), true)));
    // Repeats the last step, as if the process had died between its two writes.
    for step in STEPS {
        rotating.step(step, FIRST).await.unwrap();
    }
    assert_eq!(rotating.published().await, after);
}

#[tokio::test]
async fn interrupted_activation_is_finished_by_the_next_process() {
    let rotating = Rotating::new().await;
    rotating.moto.begin_rotation(&rotating.secret, FIRST).await;
    for step in [Step::Create, Step::Set, Step::Test] {
        rotating.step(step, FIRST).await.unwrap();
    }
    rotating.service.faulty.on("UpdateItem").cut_before_store();
    assert!(rotating.step(Step::Finish, FIRST).await.is_err());
    assert_eq!(rotating.moto.current(&rotating.secret).await, FIRST);
    rotating.service.faulty.heal();
    assert!(rotating.published().await.iter().all(|(_, going)| !going));
    rotating.step(Step::Finish, FIRST).await.unwrap();
    assert_eq!(rotating.published().await.iter().filter(|(_, going)| *going).count(), 1);
}

#[tokio::test]
async fn unexpected_rotation_steps_change_nothing() {
    let rotating = Rotating::new().await;
    let (text, published) = (rotating.current().await, rotating.published().await);
    for step in STEPS {
        assert!(rotating.step(step, SECOND).await.is_err(), "{step:?}: no such version");
        let secret_id = rotating.secret.replace("signing-keys", "another");
        let event = RotationEvent { step, secret_id, client_request_token: FIRST.into() };
        assert!(rotating.rotation.step(&event).await.is_err(), "{step:?}: another secret");
    }
    rotating.moto.begin_rotation(&rotating.secret, FIRST).await;
    for step in [Step::Set, Step::Finish] {
        assert!(rotating.step(step, FIRST).await.is_err(), "{step:?} before anything was created");
    }
    // Secrets Manager does this when rotation is enabled: it tests the function without starting a rotation.
    rotating.step(Step::Test, FIRST).await.unwrap();
    rotating.step(Step::Create, FIRST).await.unwrap();
    for step in [Step::Test, Step::Finish] {
        assert!(rotating.step(step, FIRST).await.is_err(), "{step:?} before the key was published");
    }
    assert_eq!((rotating.current().await, rotating.published().await), (text, published));
    for step in [Step::Set, Step::Finish] {
        rotating.step(step, FIRST).await.unwrap();
    }
    assert!(rotating.step(Step::Finish, SECOND).await.is_err());
    assert_eq!(rotating.moto.current(&rotating.secret).await, FIRST);
}

#[tokio::test]
async fn second_rotation_waits_until_the_first_key_is_active() {
    let rotating = Rotating::new().await;
    rotating.rotate(FIRST).await;
    rotating.moto.begin_rotation(&rotating.secret, SECOND).await;
    rotating.pass(HEAD_START_SECONDS - 1);
    let error = rotating.step(Step::Create, SECOND).await.unwrap_err();
    assert!(error.to_string().contains("does not sign yet"), "{error}");
    rotating.pass(1);
    for step in STEPS {
        rotating.step(step, SECOND).await.unwrap();
    }
    let going = rotating.published().await.iter().filter(|(_, going)| *going).count();
    assert_eq!((rotating.published().await.len(), going), (3, 2));
    let file: Value = serde_json::from_str(&rotating.current().await).unwrap();
    assert_eq!(file["retired"].as_array().unwrap().len(), 1, "no older seed is kept");
    let seeds = [file["seed"].as_str().unwrap(), file["retired"][0].as_str().unwrap()];
    assert!(seeds.iter().all(|seed| seed.len() == 64 && *seed != SEED));
}

#[tokio::test]
async fn old_signer_cannot_revive_its_retired_key() {
    let rotating = Rotating::new().await;
    let store = &rotating.service.app.store;
    let old = Signer::new(&SigningKeyFile::new(SEED.into()), "terrapi".into()).unwrap();
    let old_key = old.active_key().unwrap();
    rotating.rotate(FIRST).await;
    let retired = rotating.service.faulty.ledger().take();
    let ending = retired.iter().find(|call| call.request.to_string().contains("ends_at")).unwrap();
    assert!(!ending.request["UpdateExpression"].as_str().unwrap().contains("ttl"), "DynamoDB must not remove the row");
    let end = store.publish_key(old_key, rotating.service.clock.now()).await.unwrap().until.unwrap();
    assert_eq!(end, rotating.service.clock.now().seconds().plus(RETIRING_SECONDS));
    for after in [1, RETIRING_SECONDS, 90 * 24 * 3_600] {
        rotating.pass(after);
        let again = store.publish_key(old_key, rotating.service.clock.now()).await.unwrap();
        assert_eq!(again.until, Some(end), "after {after} s");
    }
    let trusted = store.list_public_keys(rotating.service.clock.now().seconds()).await.unwrap();
    assert!(!trusted.contains(old_key));
    let forged = token(&rotating.service, &old);
    assert_eq!(whoami(&rotating.service.sandbox(), &forged).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn previous_version_signs_until_retired_unless_rolled_back() {
    let rotating = Rotating::new().await;
    let before = rotating.moto.current(&rotating.secret).await;
    let old = kid(&rotating.exchange(&rotating.signing().await).await);
    rotating.rotate(FIRST).await;
    assert!(rotating.step(Step::RollBack, &before).await.is_err(), "not in use");
    rotating.rotation.secrets.promote(&rotating.secret, &before, FIRST).await.unwrap();
    let token = rotating.exchange(&rotating.signing().await).await;
    assert_eq!(kid(&token), old);
    assert!(rotating.published().await.contains(&(old.clone(), true)), "its retirement stays");
    whoami(&rotating.service.sandbox(), &token).await.ok();
    rotating.pass(RETIRING_SECONDS);
    let error = rotating.try_signing().await.err().unwrap();
    assert!(error.to_string().contains("rollback"), "{error}");
    for _ in 0..2 {
        rotating.step(Step::RollBack, &before).await.unwrap();
        let published = rotating.published().await;
        assert!(published.contains(&(old.clone(), false)) && published.iter().filter(|(_, going)| *going).count() == 1);
    }
    let token = rotating.exchange(&rotating.signing().await).await;
    assert_eq!(kid(&token), old);
    whoami(&rotating.service.sandbox(), &token).await.ok();
}

impl Rotating {
    /// The text of a version.
    async fn text(&self, version: &str) -> Option<String> {
        self.rotation.secrets.text_of(&self.secret, version).await.unwrap().map(|text| text.reveal().to_owned())
    }

    /// The current version.
    async fn current(&self) -> String {
        self.rotation.secrets.current(&self.secret).await.unwrap().reveal().to_owned()
    }
}
