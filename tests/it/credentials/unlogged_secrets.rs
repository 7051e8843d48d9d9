//! API keys, access tokens and cookies never appear in the log.

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http::header::{AUTHORIZATION, COOKIE};
use serde_json::{Value, json};
use terrapi::auth::{ApiKey, KeyEnvironment, Secret};
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};
use terrapi::domain::Vcs;

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::faulty::Refusal;
use crate::support::log::Log;
use crate::support::service::KV;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";
const WHOAMI: &str = "/api/v1/whoami";

/// Requests to send with every credential: valid and invalid ones, to routes that accept it and to others.
fn requests() -> Vec<(Method, &'static str, Option<Value>)> {
    vec![
        (Method::GET, WHOAMI, None),
        (Method::POST, REFRESH, None),
        (Method::POST, REFRESH, Some(json!({"capabilities": "x"}))),
        (Method::POST, REFRESH, Some(json!({"capabilities": ["kv_store_system_read"]}))),
        (Method::GET, KEYS, None),
        (Method::POST, KEYS, Some(json!({"name": "n", "capabilities": ["kv_store_read"]}))),
        (Method::POST, KEYS, Some(json!([1]))),
        (Method::PUT, "/api/v1/github/kv/12345/key/a", Some(json!({"data": 1}))),
        (Method::GET, "/api/v1/github/kv/12345/key/a", None),
        (Method::GET, "/api/v1/admin/audit", None),
        (Method::GET, "/api/v2/account/details", None),
        (Method::GET, "/no/such/path", None),
    ]
}

/// Sends the first `most` requests with one credential.
async fn use_everywhere(service: &TestService, bearer: &str, cookie: &str, most: usize) {
    for (method, path, body) in requests().into_iter().take(most) {
        if bearer.is_empty() {
            service.browse(method, path, cookie, body).await;
        } else {
            service.call(method, path, bearer, body).await;
        }
    }
    // As somebody might paste it.
    if most < usize::MAX {
        return;
    }
    for path in [format!("{WHOAMI}?token={bearer}{cookie}"), format!("{KV}/key/{bearer}{cookie}")] {
        let request = Request::get(path).header(AUTHORIZATION, bearer).header(COOKIE, cookie);
        service.send(request.body(Body::empty()).unwrap()).await;
    }
}

#[tokio::test]
async fn credentials_are_not_logged_when_used() {
    let service = TestService::new().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());

    let creator = service.token(&[AccessTokenCreate, KvStoreRead, KvStoreWrite]);
    let body = json!({"name": "ci", "capabilities": ["access_token_create", "kv_store_read", "kv_store_write"]});
    let created = service.post(KEYS, &creator, body).await.ok();
    let key = created["refresh_token"].as_str().unwrap().to_owned();
    let exchanged = service.call(Method::POST, REFRESH, &key, None).await.ok();
    let token = exchanged["token"].as_str().unwrap().to_owned();
    let forged =
        ApiKey { id: ApiKey::parse(&key).unwrap().id, secret: Secret::new([7; 32]) }.reveal(KeyEnvironment::Test);
    let cookie = service.session_of(service.user).await;
    let session = cookie.strip_prefix("session=").unwrap().to_owned();
    for bearer in [&key, &forged, &token, &creator] {
        use_everywhere(&service, bearer, "", usize::MAX).await;
    }
    use_everywhere(&service, "", &cookie, usize::MAX).await;
    service.app.background.settle().await;
    // Each of these waits for storage that is away: two with each credential are enough.
    service.faulty.on("*").refuse(Refusal::Throttling);
    tokio::join!(use_everywhere(&service, &key, "", 2), use_everywhere(&service, "", &cookie, 2));
    service.app.background.settle().await;
    service.faulty.heal();
    service.browse(Method::POST, "/api/v1/logout", &cookie, None).await.ok();
    service.delete(&format!("{KEYS}?id={}", created["id"].as_str().unwrap()), &creator).await.ok();
    drop(guard);

    let log = log.text();
    assert!(log.contains("request failed"), "{log}");
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();
    // The id in front of a key's secret may be logged.
    let secrets = [
        ("key", key[40..].to_owned()),
        ("forged key", forged[40..].to_owned()),
        ("token", signature(&token)),
        ("creator's token", signature(&creator)),
        ("cookie", session),
    ];
    assert!(secrets.iter().all(|(_, secret)| secret.len() >= 32));
    let logged: Vec<_> = secrets.iter().filter(|(_, secret)| log.contains(secret)).map(|(name, _)| *name).collect();
    assert_eq!(logged, Vec::<&str>::new());
}

#[tokio::test]
async fn no_secret_is_in_the_log_of_a_sign_in() {
    let service = TestService::new().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, 583_231);
    let mut secrets: Vec<String> = browser.jar.values().cloned().collect();
    secrets.extend(back.split(['?', '&']).filter_map(|pair| pair.strip_prefix("state=")).map(str::to_owned));
    assert_eq!(browser.get(&back).await.status, 303);
    secrets.push(browser.cookie("session"));
    assert_eq!(browser.get(&back).await.status, 403, "the state was used");
    service.app.background.settle().await;
    drop(guard);
    let log = log.text();
    assert!(log.contains("request{id="), "{log}");
    assert!(secrets.len() == 3 && secrets.iter().all(|secret| secret.len() >= 32), "{secrets:?}");
    assert!(secrets.iter().all(|secret| !log.contains(secret)), "{secrets:?}: {log}");
}
