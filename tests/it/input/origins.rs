//! Headers from clients and proxies about the called origin, and the links built from it.

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use terrapi::domain::Capability;

use crate::support::{Reply, TestService};

async fn get(service: &TestService, path: &str, token: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path).header(AUTHORIZATION, format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

/// Request headers, and the origin derived from them.
const ORIGINS: [(&[(&str, &str)], &str); 11] = [
    (&[("host", "api.example.test"), ("x-forwarded-proto", "HTTPS")], "https://api.example.test"),
    (&[("host", "api.example.test"), ("x-forwarded-proto", "HTTP")], "http://api.example.test"),
    (&[("host", "api.example.test"), ("x-forwarded-proto", "ftp")], "https://api.example.test"),
    (&[("host", "api.example.test:443")], "https://api.example.test"),
    (&[("host", "a.test"), ("x-forwarded-host", "api.example.test")], "https://api.example.test"),
    (&[("host", "a.test"), ("x-forwarded-host", "evil\"><script>")], "https://a.test"),
    (&[("host", "a.test"), ("x-forwarded-host", "u@h")], "https://a.test"),
    (&[("host", "a.test"), ("x-forwarded-host", "h/path")], "https://a.test"),
    (&[("host", "a.test"), ("x-forwarded-host", "h?query")], "https://a.test"),
    (&[("host", "a.test"), ("x-forwarded-host", ":80")], "https://a.test"),
    (&[("host", "u@h")], "http://localhost"),
];

#[tokio::test]
async fn links_and_redirect_uris_name_a_valid_origin() {
    let service = TestService::new().await;
    let token = service.token(&[Capability::AccessTokenCreate]);
    for _ in 0..2 {
        service.api_key(&[]).await;
    }
    for (headers, origin) in ORIGINS {
        let reply = get(&service, "/api/v1/github/access-token?limit=1", &token, headers).await;
        let link = reply.header("link").unwrap();
        assert!(link.starts_with(&format!("<{origin}/api/v1/github/access-token?")), "{headers:?}: {link}");
        let reply = get(&service, "/api/v1/github/login", "", headers).await;
        let page = reply.header("location").unwrap();
        let callback = format!("{origin}/api/github/v1/callback");
        let sent = crate::support::stand_in::pairs(page.split_once('?').unwrap().1);
        let sent = sent.iter().find(|(name, _)| name == "redirect_uri").map(|(_, value)| value.as_str());
        assert_eq!(sent, Some(callback.as_str()), "{headers:?}");
    }
}

#[tokio::test]
async fn default_port_is_the_same_origin() {
    let service = TestService::new().await;
    let cookie = service.session_of(service.user).await;
    let write = async |host: &str, origin: &str| {
        let request = Request::builder().method(Method::PUT).uri("/api/v1/github/kv/12345/key/a");
        let request = request.header(HOST, host).header(ORIGIN, origin).header(COOKIE, &cookie);
        service
            .send(request.header("content-type", "application/json").body(Body::from(r#"{"data": 1}"#)).unwrap())
            .await
    };
    for (host, origin) in [
        ("api.example.test:443", "https://api.example.test"),
        ("api.example.test", "https://api.example.test:443"),
        ("API.example.test", "https://api.example.test"),
    ] {
        write(host, origin).await.ok();
    }
    for (host, origin) in [
        ("api.example.test:444", "https://api.example.test"),
        ("api.example.test", "http://api.example.test:443"),
        ("api.example.test", "https://api.example.test:80"),
    ] {
        assert_eq!(write(host, origin).await.failed(403), "CROSS_ORIGIN", "{host} {origin}");
    }
}
