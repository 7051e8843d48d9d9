//! Bodies that are not JSON, or that do not match the schema.

use http::Method;

use super::{BODIES, send, send_anonymously};
use crate::support::TestService;
use crate::support::service::KV;

/// Bodies that no route can parse.
fn unreadable() -> Vec<Vec<u8>> {
    let texts = [
        "{",
        "}",
        "{\"",
        "nul",
        "'a'",
        "{a:1}",
        "{\"data\":}",
        "{\"data\":1,}",
        "{\"data\":1}x",
        "{}{}",
        "NaN",
        "0x1",
        "01",
        "\u{feff}{}",
        "<xml/>",
        "a=b",
        "/* */{}",
        "{\"data\":\"\n\"}",
        "{\"data\":\"\\x\"}",
        "[1",
        "\0",
    ];
    let mut all: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    all.extend([b"{\"data\":\"\xff\"}".to_vec(), b"\xff\xfe{\0}\0".to_vec(), b"{\"name\xc3\":1}".to_vec()]);
    all.push(vec![b'['; 100_000]);
    all.push([vec![b'['; 100_000], vec![b']'; 100_000]].concat());
    all
}

#[tokio::test]
async fn malformed_json_is_an_invalid_body_on_every_route() {
    let service = TestService::new().await;
    for (method, path, good) in BODIES {
        send(&service, &method, path, &[], good).await.ok();
        for body in unreadable() {
            let start = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
            assert_eq!(
                send(&service, &method, path, &[], body.clone()).await.failed(400),
                "INVALID_BODY",
                "{path} {start}"
            );
            assert_eq!(
                send_anonymously(&service, &method, path, body).await.failed(403),
                "INVALID_TOKEN",
                "{path} {start}"
            );
        }
        for body in ["[]", "1", "\"x\"", "true"] {
            assert_eq!(send(&service, &method, path, &[], body).await.failed(400), "INVALID_BODY", "{path} {body}");
        }
    }
}

/// A hundred thousand levels are refused in known members, and skipped in unknown ones.
#[tokio::test]
async fn deep_nesting_does_not_overflow_the_stack() {
    let service = TestService::new().await;
    for (method, path, good) in BODIES {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
            let known = format!(r#"{{"data": {deep}, "keys": {deep}, "capabilities": [{deep}], "name": {deep}}}"#);
            assert_eq!(send(&service, &method, path, &[], known).await.failed(400), "INVALID_BODY", "{path} {open}");
            let unknown = good.replacen('{', &format!("{{\"unknown\": {deep}, "), 1);
            let reply = send(&service, &method, path, &[], unknown).await;
            assert!(reply.status == 200 || path.contains("/cas/"), "{path} {open}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn array_is_refused_for_an_object_at_any_level() {
    let service = TestService::new().await;
    for (path, text) in [
        ("/api/v1/github/access-token", r#"["a", ["kv_store_read"], null]"#),
        ("/api/v1/access-token/refresh", r#"[["kv_store_read"]]"#),
        ("/api/v1/github/kv/12345/commit", r#"[[], false]"#),
        ("/api/v1/github/kv/12345/commit", r#"{"keys": [["a", 0]]}"#),
    ] {
        assert_eq!(send(&service, &Method::POST, path, &[], text).await.failed(400), "INVALID_BODY", "{path} {text}");
    }
    let write = r#"[1, null, 0, null, true, null, null, null]"#;
    for path in ["key/a", "cas/key/b"] {
        let reply = send(&service, &Method::PUT, &format!("{KV}/{path}"), &[], write).await;
        assert_eq!(reply.failed(400), "INVALID_BODY", "{path}");
    }
}

#[tokio::test]
async fn thirty_third_capability_is_refused() {
    let service = TestService::new().await;
    let list = |count: usize| format!("[{}]", vec![r#""kv_store_read""#; count].join(", "));
    let key = "/api/v1/github/access-token";
    let set = format!("{KV}/key/a");
    for (method, path, text, id) in [
        (Method::POST, key, r#"{"name": "a", "capabilities": LIST}"#, "INVALID_BODY"),
        (Method::POST, "/api/v1/access-token/refresh", r#"{"capabilities": LIST}"#, "INVALID_BODY"),
        (Method::PUT, &set, r#"{"data": 1, "read_caps": LIST}"#, "INVALID_CAPABILITY"),
        (Method::PUT, &set, r#"{"data": 1, "write_caps": LIST}"#, "INVALID_CAPABILITY"),
    ] {
        send(&service, &method, path, &[], text.replace("LIST", &list(32))).await.ok();
        let reply = send(&service, &method, path, &[], text.replace("LIST", &list(33))).await;
        assert_eq!(reply.failed(400), id, "{path} {text}");
    }
}

#[tokio::test]
async fn empty_body_is_accepted_where_the_body_is_optional() {
    let service = TestService::new().await;
    for (method, path, _) in BODIES {
        for body in ["", " \r\n\t"] {
            let reply = send(&service, &method, path, &[], body).await;
            assert_eq!(reply.status == 200, path.ends_with("refresh"), "{path}: {reply:?}");
            assert!(reply.status == 200 || reply.failed(400) == "INVALID_BODY", "{path}");
        }
    }
}

#[tokio::test]
async fn members_of_another_type_or_out_of_range_are_refused_by_name() {
    let service = TestService::new().await;
    let set = "data\":1,\"";
    let (body, idx, caps, held) = ("INVALID_BODY", "INVALID_IDX", "INVALID_CAPABILITY", "CAPABILITY_NOT_HELD");
    let writes = [
        ("{}", body),
        (r#"{"data": 1, "value": 1}"#, body),
        (r#"{"data": 1, "data": 2}"#, body),
        (r#"{"data": "\ud800"}"#, body),
        (r#"{"data": {"\udfff": 1}}"#, body),
        (&format!(r#"{{"{set}idx": -1}}"#), idx),
        (&format!(r#"{{"{set}idx": 2147483648}}"#), idx),
        (&format!(r#"{{"{set}idx": 9223372036854775807}}"#), idx),
        (&format!(r#"{{"{set}idx": 9223372036854775808}}"#), body),
        (&format!(r#"{{"{set}idx": 1.5}}"#), body),
        (&format!(r#"{{"{set}idx": 1e400}}"#), body),
        (&format!(r#"{{"{set}idx": "0"}}"#), body),
        (&format!(r#"{{"{set}idx": [0]}}"#), body),
        (&format!(r#"{{"{set}version": "1"}}"#), body),
        (&format!(r#"{{"{set}version": 9223372036854775808}}"#), body),
        (&format!(r#"{{"{set}version": 0.1}}"#), body),
        (&format!(r#"{{"{set}committed": "true"}}"#), body),
        (&format!(r#"{{"{set}committed": 1}}"#), body),
        (&format!(r#"{{"{set}ttl_seconds": 0}}"#), body),
        (&format!(r#"{{"{set}ttl_seconds": -1}}"#), body),
        (&format!(r#"{{"{set}ttl_seconds": 31536001}}"#), body),
        (&format!(r#"{{"{set}ttl_seconds": 9223372036854775807}}"#), body),
        (&format!(r#"{{"{set}ttl_seconds": "60"}}"#), body),
        (&format!(r#"{{"{set}read_caps": "kv_store_read"}}"#), caps),
        (&format!(r#"{{"{set}read_caps": ["everything"]}}"#), caps),
        (&format!(r#"{{"{set}write_caps": [1]}}"#), caps),
        (&format!(r#"{{"{set}write_caps": [{{"name": "vcs", "vcs": "github", "x": 1}}]}}"#), caps),
        (&format!(r#"{{"{set}write_caps": [["kv_store_read"]]}}"#), caps),
        (&format!(r#"{{"{set}write_caps": ["kv_store_system_write"]}}"#), held),
    ];
    for path in ["key/a", "cas/key/b"] {
        for (text, id) in writes {
            let reply = send(&service, &Method::PUT, &format!("{KV}/{path}"), &[], text.to_owned()).await;
            assert_eq!(reply.failed(400), id, "{path} {text}");
        }
    }
    let commits = [
        ("{}", body),
        (r#"{"keys": {}}"#, body),
        (r#"{"keys": ["a"]}"#, body),
        (r#"{"keys": [{"idx": 0}]}"#, body),
        (r#"{"keys": [{"key": 1}]}"#, body),
        (r#"{"keys": [{"key": "a", "idx": "0"}]}"#, body),
        (r#"{"keys": [{"key": "a", "idx": -1}]}"#, idx),
        (r#"{"keys": [{"key": ""}]}"#, "INVALID_KEY"),
        (r#"{"keys": [{"key": "\u0000"}]}"#, "INVALID_KEY"),
        (r#"{"keys": [], "strict": "yes"}"#, body),
    ];
    for (text, id) in commits {
        assert_eq!(send(&service, &Method::POST, &format!("{KV}/commit"), &[], text).await.failed(400), id, "{text}");
    }
    let long = format!(r#"{{"keys": [{{"key": "{}"}}]}}"#, "k".repeat(1_001));
    assert_eq!(send(&service, &Method::POST, &format!("{KV}/commit"), &[], long).await.failed(400), "INVALID_KEY");
}

#[tokio::test]
async fn key_and_exchange_bodies_are_validated() {
    let service = TestService::new().await;
    let (body, caps, held) = ("INVALID_BODY", "INVALID_CAPABILITY", "CAPABILITY_NOT_HELD");
    let keys = [
        (r#"{"capabilities": []}"#, body),
        (r#"{"name": "a"}"#, body),
        (r#"{"name": null, "capabilities": []}"#, body),
        (r#"{"name": 1, "capabilities": []}"#, body),
        (r#"{"name": "\ud800", "capabilities": []}"#, body),
        (r#"{"name": "a", "capabilities": "kv_store_read"}"#, body),
        (r#"{"name": "a", "capabilities": ["everything"]}"#, caps),
        (r#"{"name": "a", "capabilities": [null]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id", "id": 12345}]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id"}]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "vcs", "vcs": "github", "more": 1}]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "vcs", "vcs": "gitlab"}]}"#, held),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id", "id": "999"}]}"#, held),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id", "id": "-1"}]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id", "id": "012345"}]}"#, caps),
        (r#"{"name": "a", "capabilities": [{"name": "installation_id", "id": "\u0000#"}]}"#, caps),
        (r#"{"name": "a", "capabilities": ["access_token_refresh"]}"#, held),
        (r#"{"name": "a", "capabilities": ["kv_store_system_read"]}"#, held),
        (r#"{"name": "a", "capabilities": [], "expires_at": 1}"#, body),
        (r#"{"name": "a", "capabilities": [], "expires_at": "tomorrow"}"#, body),
        (r#"{"name": "a", "capabilities": [], "expires_at": "2027-01-01"}"#, body),
        (r#"{"name": "a", "capabilities": [], "expires_at": "2027-13-01T00:00:00Z"}"#, body),
        (r#"{"name": "a", "capabilities": [], "expires_at": "2001-01-01T00:00:00Z"}"#, body),
        (r#"{"name": "a", "capabilities": [], "expires_at": "-9999-01-01T00:00:00Z"}"#, body),
    ];
    for (text, id) in keys {
        let reply = send(&service, &Method::POST, "/api/v1/github/access-token", &[], text).await;
        assert_eq!(reply.failed(400), id, "{text}");
    }
    let name = format!(r#"{{"name": "{}", "capabilities": []}}"#, "é".repeat(129));
    assert_eq!(send(&service, &Method::POST, "/api/v1/github/access-token", &[], name).await.failed(400), body);
    for (text, id) in [
        (r#"{"capabilities": "kv_store_read"}"#, body),
        (r#"{"capabilities": ["everything"]}"#, caps),
        (r#"{"capabilities": [{}]}"#, caps),
        (r#"{"capabilities": [{"name": "installation_id", "id": "012345"}]}"#, caps),
        (r#"{"capabilities": ["kv_store_system_read"]}"#, held),
        (r#"{"capabilities": [{"name": "installation_id", "id": "1"}]}"#, held),
    ] {
        let reply = send(&service, &Method::POST, "/api/v1/access-token/refresh", &[], text).await;
        assert_eq!(reply.failed(400), id, "{text}");
    }
}

#[tokio::test]
async fn content_type_must_be_json_or_absent() {
    let service = TestService::new().await;
    let good = [
        "application/json",
        "application/json; charset=utf-8",
        "Application/JSON;charset=UTF-8;x=y",
        "application/json ;",
    ];
    let bad = [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json2;application/json",
        "json",
        "",
        "*/*",
        "text/plain; application/json",
    ];
    for (method, path, body) in BODIES {
        for media_type in good {
            send(&service, &method, &path.replace("/b", "/c"), &[("content-type", media_type)], body).await;
            let reply = send(&service, &method, path, &[("content-type", media_type)], body).await;
            assert!(reply.status == 200 || path.contains("/cas/"), "{path} {media_type}: {reply:?}");
        }
        for media_type in bad {
            let reply = send(&service, &method, path, &[("content-type", media_type)], body).await;
            assert_eq!(reply.failed(415), "UNSUPPORTED_MEDIA_TYPE", "{path} {media_type}");
        }
    }
}
