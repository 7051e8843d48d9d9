//! Session cookies next to foreign cookies and to other cookies of the same name.

use axum::body::Body;
use axum::extract::Request;
use http::header::{COOKIE, HOST, ORIGIN};
use http::{HeaderValue, Method};
use terrapi::domain::Vcs;

use crate::support::browser::Browser;
use crate::support::{Reply, TestService};

const WHOAMI: &str = "/api/v1/whoami";
const OCTOCAT: u64 = 583_231;

/// Sends a request as a page of our own origin does, with these `Cookie` header lines.
async fn send(service: &TestService, method: Method, path: &str, lines: &[Vec<u8>]) -> Reply {
    let mut request = Request::builder().method(method).uri(path).header(HOST, "api.example.test");
    request = request.header(ORIGIN, "https://api.example.test");
    for line in lines {
        request = request.header(COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

async fn whoami(service: &TestService, cookies: &str) -> Reply {
    send(service, Method::GET, WHOAMI, &[cookies.as_bytes().to_vec()]).await
}

#[tokio::test]
async fn non_utf8_cookie_does_not_hide_the_session() {
    let service = TestService::new().await;
    let session = service.session_of(service.user).await.into_bytes();
    let line = |before: &[u8], after: &[u8]| [before, &session, after].concat();
    for lines in [
        vec![line(b"theme=\xff; ", b"")],
        vec![line(b"", b"; x=\x80\xfe")],
        vec![b"theme=\xff".to_vec(), line(b"", b"")],
        vec![line(b"session=\xff; ", b"; session=garbage; session=")],
    ] {
        send(&service, Method::GET, WHOAMI, &lines).await.ok();
    }
}

#[tokio::test]
async fn stale_cookie_of_the_same_name_does_not_hide_a_session() {
    let service = TestService::new().await;
    let session = service.session_of(service.user).await;
    let mut stale = Vec::new();
    for _ in 0..3 {
        let cookie = service.session_of(service.user).await;
        service.browse(Method::POST, "/api/v1/logout", &cookie, None).await.ok();
        stale.push(cookie);
    }
    whoami(&service, &format!("{}; {session}", stale[0])).await.ok();
    whoami(&service, &format!("{session}; {}", stale[0])).await.ok();
    whoami(&service, &format!("{session}; {session}")).await.ok();
    let ((), calls) = service
        .faulty
        .ledger()
        .during(async {
            whoami(&service, &format!("{}; {session}", stale.join("; "))).await.ok();
        })
        .await;
    let reads =
        calls.iter().filter(|call| call.operation == "GetItem" && call.request.to_string().contains("session#"));
    assert_eq!(reads.count(), 4, "one read for each");
    service
        .browse(
            Method::PUT,
            "/api/v1/github/kv/12345/key/a",
            &format!("{}; {session}", stale[0]),
            Some(serde_json::json!({"data": 1})),
        )
        .await
        .ok();
}

#[tokio::test]
async fn ambiguous_session_cookies_are_refused() {
    let service = TestService::new().await;
    let session = service.session_of(service.user).await;
    let other = service.session_of(service.user).await;
    assert_eq!(whoami(&service, &format!("{session}; {other}")).await.failed(403), "INVALID_TOKEN");
    let unknown: Vec<_> = (0..4).map(|digit| format!("session={digit:0>43}")).collect();
    let many = format!("{}; {session}", unknown.join("; "));
    let (reply, calls) = service.faulty.ledger().during(whoami(&service, &many)).await;
    assert_eq!((reply.failed(403).as_str(), calls.len()), ("INVALID_TOKEN", 0), "no look-up is spent on a flood");
}

#[tokio::test]
async fn logout_ends_every_session_in_the_cookies() {
    let service = TestService::new().await;
    let token = service.token(&[]);
    let (one, other) = (service.session_of(service.user).await, service.session_of(service.user).await);
    let mut request = crate::support::service::request(Method::POST, "/api/v1/logout", &token, None);
    request.headers_mut().insert(COOKIE, format!("{one}; {other}").parse().unwrap());
    service.send(request).await.ok();
    for session in [one, other] {
        assert_eq!(whoami(&service, &session).await.failed(403), "INVALID_TOKEN");
    }
}

#[tokio::test]
async fn sign_in_finishes_beside_a_stale_cookie() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, OCTOCAT);
    let path = back.strip_prefix("https://api.example.test").unwrap();
    let own = browser.cookie("__Host-sign_in");
    let twin = format!("__Host-sign_in={:0>43}; theme=", "7");
    let line = [twin.as_bytes(), b"\xff; __Host-sign_in=", own.as_bytes()].concat();
    let reply = send(&service, Method::GET, path, &[line]).await;
    assert_eq!(reply.status, 303, "{reply:?}");
    assert!(reply.header("set-cookie").unwrap().starts_with("session="));
}
