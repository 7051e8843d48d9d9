//! URL paths with invalid parameters.

use http::Method;

use super::{ALL, KEYED, send, send_anonymously};
use crate::support::TestService;
use crate::support::service::KV;

const BODY: &str = r#"{"data": 1}"#;

#[tokio::test]
async fn empty_long_or_non_utf8_key_is_refused_everywhere() {
    let service = TestService::new().await;
    let long = ["k".repeat(1_001), "%C3%A9".repeat(500) + "x", "%20".repeat(1_001), "k/".repeat(500) + "k"];
    let mut bad = vec![
        ("", "INVALID_KEY"),
        ("%00", "INVALID_KEY"),
        ("a%00b", "INVALID_KEY"),
        ("%ff", "INVALID_PATH"),
        ("a/%C3", "INVALID_PATH"),
        ("%ED%A0%80", "INVALID_PATH"),
        ("%C0%AF", "INVALID_PATH"),
        ("%", "INVALID_PATH"),
        ("%2", "INVALID_PATH"),
        ("a%zz", "INVALID_PATH"),
        ("%%", "INVALID_PATH"),
        ("%u0041", "INVALID_PATH"),
    ];
    bad.extend(long.iter().map(|key| (key.as_str(), "INVALID_KEY")));
    for (method, marker) in KEYED {
        for (key, id) in &bad {
            let url = format!("{KV}/{marker}/{key}");
            assert_eq!(send(&service, &method, &url, &[], BODY).await.failed(400), *id, "{method} {url:.80}");
            let reply = send_anonymously(&service, &method, &url, BODY).await;
            assert_eq!(reply.failed(403), "INVALID_TOKEN", "{method} {url:.80}");
        }
    }
    for (key, id) in bad.iter().filter(|(key, _)| !key.is_empty()) {
        for query in ["", "?prefix=true", "?inclusive=false", "?inclusive=false&idx=1"] {
            let url = format!("{KV}/iter/{key}{query}");
            assert_eq!(send(&service, &Method::GET, &url, &[], "").await.failed(400), *id, "{url:.80}");
        }
    }
}

#[tokio::test]
async fn installation_id_must_be_a_number() {
    let service = TestService::new().await;
    for text in [
        "abc",
        "-1",
        "+1",
        "1.5",
        "0x1",
        "1e3",
        "9223372036854775808",
        "99999999999999999999",
        "%20",
        "1%00",
        "%D9%A1",
        "%zz",
        "%ff",
        "1;2",
    ] {
        for (method, marker) in KEYED {
            let url = format!("/api/v1/github/kv/{text}/{marker}/a");
            assert_eq!(send(&service, &method, &url, &[], BODY).await.failed(400), "INVALID_PATH", "{method} {url}");
        }
        for (method, rest) in [(Method::GET, "iter/"), (Method::POST, "commit")] {
            let url = format!("/api/v1/github/kv/{text}/{rest}");
            assert_eq!(send(&service, &method, &url, &[], "{\"keys\": []}").await.failed(400), "INVALID_PATH", "{url}");
        }
    }
}

#[tokio::test]
async fn key_id_must_be_a_uuid() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    for id in [
        "x",
        "1",
        "0190a5d0ac96774bbcceb302099a8057",
        "%7B0190a5d0-ac96-774b-bcce-b302099a8057%7D",
        "%ff",
        "%zz",
        "%00",
        "a%2Fb",
    ] {
        let reply = service.get(&format!("/api/v1/github/access-token/{id}/audit"), &token).await;
        assert_eq!(reply.failed(400), "INVALID_PATH", "{id}");
        let reply = service.delete(&format!("/api/v1/github/access-token?id={id}"), &token).await;
        assert_eq!(reply.failed(400), "INVALID_QUERY", "{id}");
    }
    for query in ["", "?", "?id", "?id=", "?ID=0190a5d0-ac96-774b-bcce-b302099a8057"] {
        let reply = service.delete(&format!("/api/v1/github/access-token{query}"), &token).await;
        assert_eq!(reply.failed(400), "INVALID_QUERY", "{query}");
    }
}

#[tokio::test]
async fn unknown_vcs_is_404_for_every_caller() {
    let service = TestService::new().await;
    for vcs in ["bitbucket", "GitHub", "github%20", "github%00", "%67ithub2", "gitlab.", "*"] {
        for rest in
            ["access-token", "access-token/x/audit", "kv/x/key/a", "kv/1/iter/", "kv/1/commit", "kv/1/count/key/%zz"]
        {
            let url = format!("/api/v1/{vcs}/{rest}");
            for method in [Method::GET, Method::POST] {
                let reply = send_anonymously(&service, &method, &url, "{").await;
                assert!(matches!(reply.status.as_u16(), 404 | 405), "{method} {url}: {reply:?}");
                let reply = send(&service, &method, &url, &[], "{").await;
                assert!(matches!(reply.status.as_u16(), 404 | 405), "{method} {url}: {reply:?}");
            }
        }
    }
    let encoded = service.get("/api/v1/%67ithub/kv/12345/iter/", &service.kv_token()).await;
    assert_eq!(encoded.status, 200, "an escape stands for its letter");
}
