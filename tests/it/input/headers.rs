//! Headers that are too many, too long, or have unusual values.

use axum::body::Body;
use axum::extract::Request;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};

use super::ALL;
use crate::support::TestService;
use crate::support::service::KV;

const ROUTES: [&str; 3] = ["/api/v1/whoami", "/api/v1/github/access-token", "/api/v1/github/kv/12345/iter/"];

fn get(path: &str, headers: &[(&str, &[u8])]) -> Request {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn several_credentials_are_refused() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let of = |text: String| text.into_bytes();
    let odd: [Vec<Vec<u8>>; 14] = [
        vec![of(format!("Bearer {token}")), of(format!("Bearer {token}"))],
        vec![of(format!("Bearer {token}")), of("Basic YTpi".into())],
        vec![of(String::new()), of(format!("Bearer {token}"))],
        vec![of(format!("Bearer {token}, Bearer {token}"))],
        vec![of(token.clone())],
        vec![of(format!("Bearer{token}"))],
        vec![of(format!("Bearer\t{token}"))],
        vec![of(format!("Bearer=\"{token}\""))],
        vec![of(format!("Bearer token={token}"))],
        vec![of(format!("Token {token}"))],
        vec![of("Bearer".into())],
        vec![of("Bearer ".into())],
        vec![[b"Bearer ", token.as_bytes(), b"\xff"].concat()],
        vec!["Bearer ä".as_bytes().to_vec()],
    ];
    for path in ROUTES {
        for values in &odd {
            let headers: Vec<_> = values.iter().map(|value| (AUTHORIZATION.as_str(), &value[..])).collect();
            assert_eq!(service.send(get(path, &headers)).await.failed(403), "INVALID_TOKEN", "{path} {headers:?}");
        }
        for good in [format!("bearer {token}"), format!("BEARER {token}"), format!("Bearer  {token}")] {
            service.send(get(path, &[("authorization", good.as_bytes())])).await.ok();
        }
    }
    // A token in the URL or in a cookie is not accepted (RFC 6750 §2.3 is not implemented).
    let reply = service.send(get(&format!("/api/v1/whoami?access_token={token}"), &[])).await;
    assert_eq!(reply.failed(403), "INVALID_TOKEN");
    let cookie = format!("access_token={token}; Authorization=Bearer {token}");
    assert_eq!(
        service.send(get("/api/v1/whoami", &[("cookie", cookie.as_bytes())])).await.failed(403),
        "INVALID_TOKEN"
    );
}

#[tokio::test]
async fn thousands_of_headers_are_handled() {
    let service = TestService::new().await;
    let credential = format!("Bearer {}", service.admin_token(&ALL));
    let names: Vec<_> = (0..2_000).map(|number| format!("x-flood-{number}")).collect();
    let long = vec![b'x'; 100_000];
    for path in ROUTES {
        let mut headers: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b"y"[..])).collect();
        headers.push(("x-long", &long));
        headers.extend((0..1_000).map(|_| ("x-again", &b"z"[..])));
        headers.push(("authorization", credential.as_bytes()));
        service.send(get(path, &headers)).await.ok();
    }
}

#[tokio::test]
async fn unknown_values_in_known_headers_are_ignored() {
    let service = TestService::new().await;
    service.put(&format!("{KV}/key/a"), &service.kv_token(), serde_json::json!({"data": 1})).await.ok();
    let credential = format!("Bearer {}", service.admin_token(&ALL));
    let odd: [(&str, &[u8]); 18] = [
        ("accept", b"text/html"),
        ("accept", b"\xff"),
        ("accept-encoding", b"\xff, *;q=2, gzip;q=x"),
        ("if-none-match", b""),
        ("if-none-match", b"\xff"),
        ("if-none-match", b"\"\", W/, W/W/\"1\", 7"),
        ("if-match", b"\"1\""),
        ("if-modified-since", b"Sat, 01 Jan 2050 00:00:00 GMT"),
        ("range", b"bytes=0-0"),
        ("expect", b"100-continue"),
        ("x-http-method-override", b"DELETE"),
        ("x-original-url", b"/api/v1/whoami"),
        ("x-forwarded-for", b"\xff"),
        ("x-forwarded-host", b"\xff"),
        ("x-forwarded-proto", b",,"),
        ("host", b"\xff"),
        ("transfer-encoding", b"chunked"),
        ("content-length", b"-1"),
    ];
    for path in ["key/a", "iter/", "count/key/a"] {
        for (name, value) in odd {
            let headers = [(name, value), ("authorization", credential.as_bytes())];
            service.send(get(&format!("{KV}/{path}"), &headers)).await.ok();
        }
    }
}

#[tokio::test]
async fn valid_request_id_is_kept_and_an_invalid_one_replaced() {
    let service = TestService::new().await;
    let longest = "i".repeat(128);
    for good in ["a", "7f0c3c9c-61f5-4a53-9f8c-0c8a5c0b7d11", "BrXxZg1vDoEEMxA=", &longest] {
        for path in ["/api/v1/whoami", "/health", "/no/such/path"] {
            let reply = service.send(get(path, &[("x-request-id", good.as_bytes())])).await;
            assert_eq!(reply.header("x-request-id"), Some(good), "{path}");
        }
    }
    let long = [b'i'; 129];
    for bad in [&b""[..], b" ", b"\xff", b"a b\tc", &long] {
        let reply = service.send(get("/api/v1/whoami", &[("x-request-id", bad)])).await;
        let id = reply.header("x-request-id").unwrap();
        assert_eq!(uuid::Uuid::parse_str(id).map(|id| id.to_string()).as_deref(), Ok(id), "{bad:?}");
    }
}
