//! Pages of other origins: none may call, unless the deployment lists them.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use serde_json::json;
use terrapi::domain::Capability::KvStoreRead;
use terrapi::http::lambda_service;
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, Settings};
use tower::ServiceExt as _;

use crate::authz::every_route;
use crate::support::service::{KV, routes, send_to};
use crate::support::{Reply, TestService, routes::Gateway};

const LISTED: &str = "https://console.example.com";
const OTHER: &str = "https://console.example.com.evil.test";

/// The service's functions, in a deployment that lists these origins.
fn listing(service: &TestService, origins: &str) -> Gateway {
    let listed_origins = ListedOrigins::parse(origins).unwrap();
    let settings = Arc::new(Settings { listed_origins, ..Settings::clone(&service.app.settings) });
    let app = App { settings, ..service.app.clone() };
    let function = |(name, routes): (&str, _)| (name.to_owned(), lambda_service(routes, app.clone()));
    Gateway::new(routes(&service.signer).map(function).into())
}

fn request(method: &Method, path: &str, headers: &[(&str, &str)], body: Body) -> Request {
    let mut request = Request::builder().method(method).uri(path).header("host", "api.example.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).unwrap()
}

async fn get(gateway: &Gateway, path: &str, headers: &[(&str, &str)]) -> Reply {
    send_to(gateway, request(&Method::GET, path, headers, Body::empty())).await
}

/// Asks whether a page may send a request with a token. No description has this answer: it is the same everywhere.
async fn preflight(gateway: &Gateway, origin: &str, method: &Method, path: &str) -> Reply {
    let asked = [
        ("origin", origin),
        ("access-control-request-method", method.as_str()),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    let (_, function) = gateway.function(path);
    let request = request(&Method::OPTIONS, path, &asked, Body::empty());
    Reply::read(function.oneshot(request).await.unwrap()).await
}

fn told_of_cors(reply: &Reply) -> Vec<&str> {
    let names = reply.headers.keys().map(http::HeaderName::as_str);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

#[tokio::test]
async fn a_deployment_that_lists_no_origin_says_nothing_to_any() {
    let service = TestService::new().await;
    let token = service.token(&[]);
    for origin in [LISTED, "https://api.example.test", "null"] {
        let sent = [("origin", origin), ("authorization", &format!("Bearer {token}"))];
        let reply = get(&service.gateway, "/api/v1/whoami", &sent).await;
        reply.ok();
        assert_eq!((told_of_cors(&reply), reply.header("vary")), (vec![], None), "{origin}");
        let reply = preflight(&service.gateway, origin, &Method::GET, "/api/v1/whoami").await;
        assert_eq!(reply.failed(405), "METHOD_NOT_ALLOWED");
        assert_eq!(told_of_cors(&reply), Vec::<&str>::new());
    }
}

#[tokio::test]
async fn every_route_answers_the_preflight_of_a_listed_origin_without_a_credential_or_a_storage_call() {
    let service = TestService::new().await;
    let gateway = listing(&service, &format!("https://a.test,{LISTED}"));
    for (method, path) in every_route() {
        let (reply, calls) = service.faulty.ledger().during(preflight(&gateway, LISTED, &method, &path)).await;
        assert_eq!((reply.status.as_u16(), reply.bytes.len(), calls.len()), (200, 0, 0), "{method} {path}");
        for (name, value) in [
            ("access-control-allow-origin", LISTED),
            ("access-control-allow-credentials", "true"),
            ("access-control-allow-methods", method.as_str()),
            ("access-control-allow-headers", "authorization,content-type"),
            ("access-control-max-age", "3600"),
            ("vary", "origin"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{method} {path} {name}");
        }
        assert!(reply.header("x-request-id").is_some_and(|id| !id.is_empty()));
    }
}

#[tokio::test]
async fn only_a_listed_origin_may_read_an_answer_whatever_it_is() {
    let service = TestService::limited(crate::limits::callers(1, 100)).await;
    let gateway = listing(&service, LISTED);
    let bearer = format!("Bearer {}", service.token(&[KvStoreRead]));
    for (path, credential, status) in [
        ("/api/v1/whoami", bearer.as_str(), 200),
        ("/api/v1/whoami", "Bearer garbage", 403),
        (&format!("{KV}/key/absent"), &bearer, 404),
        ("/nowhere", "", 404),
        ("/openapi.json", "", 200),
        ("/docs", "", 200),
    ] {
        let own = get(&gateway, path, &[("origin", LISTED), ("authorization", credential)]).await;
        assert_eq!(own.status, status, "{path}");
        assert_eq!(own.header("access-control-allow-origin"), Some(LISTED));
        assert_eq!(own.header("access-control-allow-credentials"), Some("true"));
        let exposed: Vec<_> = own.header("access-control-expose-headers").unwrap().split(',').collect();
        for name in ["etag", "link", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"] {
            assert!(exposed.contains(&name), "{name}");
        }
        assert!(exposed.contains(&"x-request-id") && exposed.contains(&"www-authenticate"));
        for origin in [Some(OTHER), Some("https://CONSOLE.example.com"), Some("http://console.example.com"), None] {
            let sent: Vec<_> = origin.map(|origin| ("origin", origin)).into_iter().collect();
            let reply = get(&gateway, path, &[&sent[..], &[("authorization", credential)]].concat()).await;
            assert_eq!(reply.status, status, "it is the browser that keeps the answer from the page");
            assert_eq!(reply.header("access-control-allow-origin"), None, "{path} {origin:?}");
            assert_eq!(reply.header("access-control-allow-credentials"), None, "{path} {origin:?}");
            let varies: Vec<_> = reply.headers.get_all("vary").iter().collect();
            assert!(varies.iter().any(|name| *name == "origin"), "a cache must keep them apart: {varies:?}");
        }
    }
    let refused = preflight(&gateway, OTHER, &Method::GET, "/api/v1/whoami").await;
    assert_eq!(refused.header("access-control-allow-origin"), None);
    assert_eq!(refused.header("access-control-allow-credentials"), None);
}

#[tokio::test]
async fn a_page_is_told_that_it_is_limited_and_for_how_long() {
    let service = TestService::limited(crate::limits::callers(1, 1)).await;
    let gateway = listing(&service, LISTED);
    let bearer = format!("Bearer {}", service.token(&[]));
    let sent = [("origin", LISTED), ("authorization", bearer.as_str())];
    let mut last = get(&gateway, "/api/v1/whoami", &sent).await;
    for _ in 0..20 {
        last = get(&gateway, "/api/v1/whoami", &sent).await;
    }
    assert_eq!(last.failed(429), "RATE_LIMITED");
    assert!(last.header("retry-after").is_some());
    assert_eq!(last.header("access-control-allow-origin"), Some(LISTED));
}

#[tokio::test]
async fn a_write_with_the_session_s_cookie_comes_from_an_own_or_a_listed_page() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let write = async |gateway: &Gateway, from: &[(&str, &str)]| {
        let headers = [&[("cookie", cookie.as_str()), ("content-type", "application/json")], from].concat();
        let body = Body::from(json!({"data": 1}).to_string());
        send_to(gateway, request(&Method::PUT, &format!("{KV}/key/k"), &headers, body)).await
    };
    let gateway = listing(&service, LISTED);
    for from in [("origin", LISTED), ("origin", "https://api.example.test"), ("sec-fetch-site", "same-origin")] {
        write(&gateway, &[from]).await.ok();
    }
    // A browser says both: the page is of another origin of the same site, and of which.
    write(&gateway, &[("sec-fetch-site", "same-site"), ("origin", LISTED)]).await.ok();
    let foreign: [&[(&str, &str)]; 5] = [
        &[("origin", OTHER)],
        &[("origin", "null")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", LISTED), ("origin", OTHER)],
        &[],
    ];
    for from in foreign {
        assert_eq!(write(&gateway, from).await.failed(403), "CROSS_ORIGIN", "{from:?}");
    }
    assert_eq!(write(&service.gateway, &[("origin", LISTED)]).await.failed(403), "CROSS_ORIGIN", "not listed there");
    let read = get(&gateway, &format!("{KV}/key/k"), &[("cookie", &cookie), ("origin", LISTED)]).await;
    assert_eq!(read.ok()["data"], 1);
}

#[tokio::test]
async fn failures_that_are_reshaped_keep_what_was_said_of_origins() {
    let service = TestService::new().await;
    let gateway = listing(&service, LISTED);
    for path in ["/api/v2/nothing", "/api/v2/account/details"] {
        let reply = get(&gateway, path, &[("origin", LISTED)]).await;
        assert!(matches!(reply.status.as_u16(), 401 | 404));
        assert_eq!(reply.header("access-control-allow-origin"), Some(LISTED), "{path}");
        assert!(reply.header("vary").is_some() && reply.header("x-request-id").is_some(), "{path}");
    }
}
