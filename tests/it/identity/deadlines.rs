//! Requests close to the deadline of their invocation: they are answered in time, and use up no single-use credential.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::Value;
use terrapi::deadline::Deadline;
use terrapi::domain::{Capability, UserId, Vcs};

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::service::{KV, request};
use crate::support::stand_in::Fault;

const OCTOCAT: u64 = 583_231;
const TOKEN_CALL: &str = "POST /login/oauth/access_token";
/// Remaining time that is too short to begin a sign-in or a renewal.
const LITTLE: Duration = Duration::from_secs(10);
/// Remaining time while a provider or storage does not answer.
const WAITING: Duration = Duration::from_secs(2);

#[tokio::test]
async fn sign_in_near_the_deadline_is_503_and_keeps_its_code() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, OCTOCAT);
    service.github.desk().take_seen();
    browser.remaining = Some(LITTLE);
    assert_eq!(browser.get(&back).await.failed(503), "UNAVAILABLE");
    assert!(service.github.desk().take_seen().is_empty(), "the code was used");
    browser.remaining = Some(Duration::from_secs(29));
    assert_eq!(browser.get(&back).await.status, 303);
}

#[tokio::test]
async fn renewal_near_the_deadline_keeps_the_refresh_token() {
    let service = TestService::new().await;
    let user = Browser::new(&service).user(Vcs::Github, OCTOCAT).await;
    let cookie = service.session_of(UserId::parse(&user).unwrap()).await;
    service.clock.advance_ms(8 * 3_600_000);
    service.github.desk().take_seen();
    let listing = async |remaining| {
        let mut asked = request(Method::GET, "/api/v1/user/github/installations", "", None);
        asked.headers_mut().insert("cookie", cookie.parse().unwrap());
        asked.extensions_mut().insert(Deadline::after(remaining));
        service.send(asked).await
    };
    assert_eq!(listing(LITTLE).await.failed(503), "UNAVAILABLE");
    assert!(!service.github.desk().take_seen().iter().any(|seen| seen == TOKEN_CALL));
    listing(Duration::from_secs(29)).await.ok();
    assert!(service.github.desk().take_seen().iter().any(|seen| seen == TOKEN_CALL));
}

#[tokio::test]
async fn silent_provider_is_503_before_the_deadline() {
    let service = TestService::new().await;
    let user = Browser::new(&service).user(Vcs::Github, OCTOCAT).await;
    let mut asked = request(Method::GET, "/api/v1/user/github/installations", "", None);
    let cookie = service.session_of(UserId::parse(&user).unwrap()).await;
    asked.headers_mut().insert("cookie", cookie.parse().unwrap());
    service.github.desk().fail("GET /user/installations", [Fault::Silence]);
    let began = Instant::now();
    asked.extensions_mut().insert(Deadline::after(WAITING));
    assert_eq!(service.send(asked).await.failed(503), "UNAVAILABLE");
    assert!(began.elapsed() < WAITING, "Lambda would have killed it");
}

#[tokio::test]
async fn silent_storage_is_503_before_the_deadline() {
    let service = TestService::new().await;
    let token = service.token(&[Capability::KvStoreRead, Capability::KvStoreWrite]);
    service.get(&format!("{KV}/key/k"), &token).await;
    for (method, body, code) in [
        (Method::GET, Value::Null, "UNAVAILABLE"),
        // It is unknown whether the write took effect.
        (Method::PUT, serde_json::json!({"data": 1}), "OUTCOME_UNKNOWN"),
    ] {
        let gate = service.faulty.on("*").table(&service.backend.tables.kv).hold_before_store();
        let mut asked = request(method.clone(), &format!("{KV}/key/k"), &token, (!body.is_null()).then_some(body));
        asked.extensions_mut().insert(Deadline::after(WAITING));
        let began = Instant::now();
        let reply = service.send(asked).await;
        assert_eq!(reply.failed(503), code, "{method}");
        assert!(reply.header("x-request-id").is_some());
        assert!(began.elapsed() < WAITING, "Lambda would have killed it");
        gate.release();
        service.faulty.heal();
    }
}
