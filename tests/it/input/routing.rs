//! Unknown paths and methods: answered the same to all callers, before any credential is checked.

use http::Method;
use serde_json::json;

use super::{send, send_anonymously};
use crate::support::TestService;
use crate::support::openapi::{is_json_api, published};

#[tokio::test]
async fn unknown_path_is_404_with_an_error_body() {
    let service = TestService::new().await;
    let long = format!("/{}", "x/".repeat(20_000));
    let paths = [
        "/nowhere",
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2",
        "/api/v1/whoami/",
        "/api/v1/Whoami",
        "/API/v1/whoami",
        "/api/v1//whoami",
        "/api/v1/github",
        "/api/v1/github/kv",
        "/api/v1/github/kv/",
        "/api/v1/github/kv/12345",
        "/api/v1/github/kv/12345/",
        "/api/v1/github/kv/12345/key",
        "/api/v1/github/kv/12345/count/a",
        "/api/v1/github/kv/12345/cas/a",
        "/api/v1/github/kv/12345/nothing/a",
        "/api/v1/github/kv//key/a",
        "/api/v1/github/kv/12345/commit/",
        "/api/v1/github/access-token/",
        "/api/v1/github/access-token/x",
        "/api/v1/access-token",
        "/api/v1/access-token/refresh/",
        "/docs/",
        "/docs/a/b",
        "/openapi.yaml",
        "/.well-known/",
        "/.well-known/openid-configuration",
        "/favicon.ico",
        "/%zz",
        "/%ff",
        "/%00",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../x",
        "/robots.txt",
        "//",
        "/api/v1/whoami%20",
        "/health/",
        &long,
    ];
    for path in paths {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let reply = send_anonymously(&service, &method, path, "{").await;
            assert_eq!(reply.failed(404), "NOT_FOUND", "{method} {path:.60}");
            assert_eq!(send(&service, &method, path, &[], "").await.failed(404), "NOT_FOUND", "{method} {path:.60}");
        }
    }
}

#[tokio::test]
async fn unsupported_method_is_405_with_allow() {
    let service = TestService::new().await;
    let odd = ["TRACE", "CONNECT", "PROPFIND", "get", "X"].map(|name| Method::from_bytes(name.as_bytes()).unwrap());
    let usual = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    let described = published().document["paths"].as_object().unwrap();
    // The JSON:API routes are covered by the next test.
    for (path, item) in described.iter().filter(|(path, _)| !is_json_api(path)) {
        let url = path.replace("{vcs}", "github").replace("{installation_id}", "12345").replace(['{', '}'], "");
        let known: Vec<_> = item.as_object().unwrap().keys().map(|method| method.to_uppercase()).collect();
        for method in usual.iter().chain(&odd).filter(|method| !known.contains(&method.to_string())) {
            let reply = send_anonymously(&service, method, &url, "{").await;
            assert_eq!(reply.failed(405), "METHOD_NOT_ALLOWED", "{method} {url}");
            let mut allowed: Vec<_> = reply.header("allow").unwrap().split(',').map(str::trim).collect();
            allowed.retain(|method| *method != "HEAD");
            allowed.sort_unstable();
            assert_eq!(allowed, known, "{url}");
        }
    }
}

#[tokio::test]
async fn json_api_answers_unsupported_methods_with_404() {
    let service = TestService::new().await;
    let not_found = json!({"errors": [{"status": "404", "title": "not found"}]});
    for path in ["/api/v2/x", "/api/v2/teams", "/api/v2/ping/", "/api/v2/account", "/api/v2/%zz", "/api/v2/%ff"] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let reply = send_anonymously(&service, &method, path, "{").await;
            assert_eq!((reply.status.as_u16(), reply.json()), (404, not_found.clone()), "{method} {path}");
        }
    }
    for (path, item) in published().document["paths"].as_object().unwrap().iter().filter(|(path, _)| is_json_api(path))
    {
        for method in [Method::PUT, Method::OPTIONS, Method::from_bytes(b"X").unwrap()] {
            assert!(item.get(method.as_str().to_lowercase()).is_none());
            let reply = send_anonymously(&service, &method, &path.replace(['{', '}'], ""), "{").await;
            assert_eq!((reply.status.as_u16(), reply.json()), (404, not_found.clone()), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn head_equals_get_without_the_body() {
    let service = TestService::new().await;
    for (path, item) in published().document["paths"].as_object().unwrap() {
        if item.get("get").is_none() {
            continue;
        }
        let url = path.replace("{vcs}", "github").replace("{installation_id}", "12345").replace(['{', '}'], "");
        let (get, head) =
            (send(&service, &Method::GET, &url, &[], "").await, send(&service, &Method::HEAD, &url, &[], "").await);
        assert_eq!((get.status, head.bytes.len()), (head.status, 0), "{url}");
    }
}
