//! Sessions: what they give access to, how long they last, and from which pages they work.

use http::header::{COOKIE, ORIGIN};
use http::{HeaderValue, Method};
use serde_json::json;
use terrapi::domain::UserId;
use terrapi::runtime::Random;

use crate::support::service::{KV, request};
use crate::support::{MemberOf, TestService};

const KEYS: &str = "/api/v1/github/access-token";
const LOGOUT: &str = "/api/v1/logout";
const WHOAMI: &str = "/api/v1/whoami";
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[tokio::test]
async fn session_creates_a_key_limited_to_one_installation() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let user = service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
    assert_eq!(user, json!({"id": service.user.to_string(), "vcs": ["github"]}));
    let limit = json!({"name": "installation_id", "id": "12345"});
    let body = json!({"name": "ci", "capabilities": ["kv_store_read", "kv_store_write", limit]});
    let created = service.browse(Method::POST, KEYS, &cookie, Some(body)).await.ok();
    let key = created["refresh_token"].as_str().unwrap();
    let bought = service.call(Method::POST, "/api/v1/access-token/refresh", key, None).await.ok();
    let token = bought["token"].as_str().unwrap();
    service.put(&format!("{KV}/key/k"), token, json!({"data": 1})).await.ok();
    assert_eq!(service.browse(Method::GET, &format!("{KV}/key/k"), &cookie, None).await.ok()["data"], 1);
    let elsewhere = service.get("/api/v1/github/kv/67890/key/k", token).await;
    assert_eq!(elsewhere.failed(403), "INSTALLATION_FORBIDDEN");
    let reserved = json!({"name": "n", "capabilities": ["access_token_refresh"]});
    let refused = service.browse(Method::POST, KEYS, &cookie, Some(reserved)).await;
    assert_eq!(refused.failed(400), "CAPABILITY_NOT_HELD");
    let foreign = json!({"name": "n", "capabilities": [{"name": "installation_id", "id": "999"}]});
    let refused = service.browse(Method::POST, KEYS, &cookie, Some(foreign)).await;
    assert_eq!(refused.failed(400), "CAPABILITY_NOT_HELD");
}

#[tokio::test]
async fn membership_is_checked_on_every_session_request() {
    let service = TestService::new().await;
    let stranger = UserId::new(Random::default().id().unwrap());
    let cookie = service.session_of(stranger).await;
    let path = format!("{KV}/iter/");
    assert_eq!(service.browse(Method::GET, &path, &cookie, None).await.failed(403), "INSTALLATION_FORBIDDEN");
    service.join(stranger, MemberOf(12345)).await;
    service.browse(Method::GET, &path, &cookie, None).await.ok();
}

#[tokio::test]
async fn logout_ends_the_session_and_deletes_the_cookie() {
    let service = TestService::new().await;
    let (cookie, other) = (service.session_of(service.user).await, service.session_of(service.user).await);
    let elsewhere = service.sandbox();
    let visit = || {
        let mut request = request(Method::GET, WHOAMI, "", None);
        request.headers_mut().insert(COOKIE, HeaderValue::from_str(&cookie).unwrap());
        crate::support::service::send_to(&elsewhere, request)
    };
    visit().await.ok();
    let out = service.browse(Method::POST, LOGOUT, &cookie, None).await;
    assert_eq!((out.status.as_u16(), out.bytes.len()), (200, 0));
    let set = out.header("set-cookie").unwrap();
    assert_eq!(set, "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure");
    assert_eq!(visit().await.failed(403), "INVALID_TOKEN");
    assert_eq!(service.browse(Method::POST, LOGOUT, &cookie, None).await.failed(403), "INVALID_TOKEN");
    service.browse(Method::GET, WHOAMI, &other, None).await.ok();
}

#[tokio::test]
async fn logout_ends_only_the_session_of_the_cookie() {
    let service = TestService::new().await;
    let (cookie, token) = (service.session_of(service.user).await, service.token(&[]));
    service.call(Method::POST, LOGOUT, &token, None).await.ok();
    for value in ["session=garbage", &cookie] {
        service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
        let mut both = request(Method::POST, LOGOUT, &token, None);
        both.headers_mut().insert(COOKIE, HeaderValue::from_str(value).unwrap());
        service.send(both).await.ok();
    }
    assert_eq!(service.browse(Method::GET, WHOAMI, &cookie, None).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn session_cookie_on_plain_localhost_is_not_secure() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let mut out = request(Method::POST, LOGOUT, "", None);
    out.headers_mut().insert("host", HeaderValue::from_static("localhost:9000"));
    out.headers_mut().insert(ORIGIN, HeaderValue::from_static("http://localhost:9000"));
    out.headers_mut().insert(COOKIE, HeaderValue::from_str(&cookie).unwrap());
    let reply = service.send(out).await;
    assert_eq!(reply.header("set-cookie"), Some("session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"));
}

#[tokio::test]
async fn used_session_lives_for_at_most_a_month() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let visit = async || {
        let reply = service.browse(Method::GET, WHOAMI, &cookie, None).await;
        service.app.background.settle().await;
        reply
    };
    for _ in 0..4 {
        service.clock.advance_ms(7 * DAY_MS - 1_000);
        visit().await.ok();
    }
    service.clock.advance_ms(2 * DAY_MS + 3_000);
    visit().await.ok();
    service.clock.advance_ms(1_000);
    assert_eq!(visit().await.failed(403), "INVALID_TOKEN", "thirty days");
}

#[tokio::test]
async fn failed_or_late_use_record_does_not_affect_sessions() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    service.clock.advance_ms(HOUR_MS);
    let gate = service.faulty.on("UpdateItem").nth(1).hold_before_store();
    service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
    gate.arrived(1).await;
    service.browse(Method::POST, LOGOUT, &cookie, None).await.ok();
    gate.release();
    service.app.background.settle().await;
    assert_eq!(service.browse(Method::GET, WHOAMI, &cookie, None).await.failed(403), "INVALID_TOKEN");
    service.faulty.heal();

    let cookie = service.session_of(service.user).await;
    service.clock.advance_ms(HOUR_MS);
    service.faulty.on("UpdateItem").cut_before_store();
    service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
    service.app.background.settle().await;
}

#[tokio::test]
async fn session_is_503_while_storage_is_unavailable() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    service.faulty.on("*").cut_before_store();
    assert_eq!(service.browse(Method::GET, "/api/v1/whoami", &cookie, None).await.failed(503), "UNAVAILABLE");
    assert_eq!(service.browse(Method::POST, LOGOUT, &cookie, None).await.failed(503), "UNAVAILABLE");
    service.faulty.heal();
    service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
}

#[tokio::test]
async fn session_cookie_value_is_never_stored() {
    let service = TestService::new().await;
    service.faulty.ledger().take();
    let cookie = service.session_of(service.user).await;
    service.browse(Method::GET, WHOAMI, &cookie, None).await.ok();
    let value = cookie.strip_prefix("session=").unwrap();
    let calls = service.faulty.ledger().take();
    assert!(calls.len() >= 3 && calls.iter().all(|call| !call.request.to_string().contains(value)));
}
