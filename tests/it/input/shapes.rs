//! Well-formed JSON that does not match the schema, and the error text for it.

use http::Method;
use serde_json::{Value, json};

use super::{ALL, BODIES, send};
use crate::support::TestService;
use crate::support::organizations::PLATFORM;
use crate::support::service::KV;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

#[tokio::test]
async fn array_is_refused_for_an_object() {
    let service = TestService::new().await;
    let cases = [
        (Method::POST, KEYS.to_owned(), r#"["n", ["kv_store_read"], null]"#),
        (Method::POST, KEYS.to_owned(), r#"["n", []]"#),
        (Method::POST, REFRESH.to_owned(), r#"[["kv_store_read"]]"#),
        (Method::POST, REFRESH.to_owned(), "[null]"),
        (Method::PUT, format!("{KV}/key/a"), "[1, null, 0, null, true, null, null, 60]"),
        (Method::PUT, format!("{KV}/cas/key/a"), "[1, null, 0, null, true, null, null, 60]"),
        (Method::POST, format!("{KV}/commit"), r#"[[], false]"#),
        (Method::POST, format!("{KV}/commit"), r#"{"keys": [["a", 0]]}"#),
        (Method::POST, format!("{KV}/commit"), r#"{"keys": [{"key": "a"}, ["a"]]}"#),
    ];
    for (method, path, body) in cases {
        let reply = send(&service, &method, &path, &[], body).await;
        assert_eq!(reply.failed(400), "INVALID_BODY", "{path} {body}");
        let data = reply.json()["data"].as_str().unwrap().to_owned();
        assert!(data.contains("expected an object, found a list"), "{path} {body}: {data}");
    }
    let keys = service.get(KEYS, &service.token(&ALL)).await.ok()["results"].clone();
    // Only the keys that were used for the exchanges above.
    assert!(keys.as_array().unwrap().iter().all(|key| key["name"] == "test"), "a key was created: {keys}");
}

#[tokio::test]
async fn array_is_refused_for_an_object_in_json_api() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let team = format!("/api/v2/teams/{PLATFORM}");
    for (body, status) in [
        (json!([]), 400),
        (json!({"data": []}), 422),
        (json!({"data": {"attributes": []}}), 422),
        (json!({"data": {"attributes": {"organization-access": [true, true]}}}), 422),
    ] {
        let reply = service.call(Method::PATCH, &team, &acme.organization_token, Some(body.clone())).await;
        assert_eq!(reply.status, status, "{body}: {reply:?}");
    }
    let attributes = &service.get(&team, &acme.organization_token).await.ok()["data"]["attributes"];
    assert_eq!(attributes["organization-access"]["manage-teams"], false);
}

#[tokio::test]
async fn null_counts_as_no_body_where_it_is_optional() {
    let service = TestService::new().await;
    for body in ["null", " null\r\n"] {
        send(&service, &Method::POST, REFRESH, &[], body).await.ok();
        for (method, path, _) in BODIES.into_iter().filter(|(_, path, _)| *path != REFRESH) {
            let reply = send(&service, &method, path, &[], body).await;
            assert_eq!(reply.failed(400), "INVALID_BODY", "{path}");
        }
    }
    for body in ["nul", "null null", "nullx", "Null"] {
        assert_eq!(send(&service, &Method::POST, REFRESH, &[], body).await.failed(400), "INVALID_BODY", "{body}");
    }
    let acme = service.acme().await;
    let legacy = format!("/api/v2/teams/{PLATFORM}/authentication-token");
    let reply = service.call(Method::POST, &legacy, &acme.organization_token, Some(Value::Null)).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn non_canonical_number_is_refused() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    service.put(&format!("{KV}/key/a"), &token, json!({"data": 1, "idx": 7})).await.ok();
    service.get(&format!("{KV}/key/a?idx=7"), &token).await.ok();
    for alias in ["07", "%2B7", "+7", "7.0", "7e0", "0x7", "-0", "00", "%207", "7_0", "%EF%BC%97"] {
        for path in ["key/a?idx=", "size/key/a?idx=", "iter/a?idx=", "iter/?limit="] {
            let reply = service.get(&format!("{KV}/{path}{alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{path}{alias}");
        }
        for name in ["idx", "version"] {
            let reply = service.delete(&format!("{KV}/key/a?{name}={alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{name}={alias}");
        }
        for listing in [KEYS, "/api/v1/admin/audit", "/api/v1/admin/drifts", "/api/v1/admin/dead-letters"] {
            let reply = service.get(&format!("{listing}?limit={alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{listing} {alias}");
        }
    }
    service.get(&format!("{KV}/key/a?idx=7"), &token).await.ok();
}

/// Names that occur only in the program and must not be in error texts.
const NAMES: [&str; 22] = [
    "struct", "enum", "tuple", "variant", "visitor", "serde", "unit", "newtype", "sequence", "map", "boolean", "i64",
    "u64", "i32", "u32", "u8", "usize", "f64", "Option", "Vec", "String", "::",
];

#[tokio::test]
async fn body_errors_name_no_rust_types() {
    let service = TestService::new().await;
    let members = ["name", "capabilities", "expires_at", "data", "value", "idx", "version", "committed", "read_caps"];
    let members = members.into_iter().chain(["write_caps", "ttl_seconds", "keys", "strict"]);
    let values = ["1", "-1", "1.5", "99999999999999999999", "\"x\"", "true", "[]", "[[]]", "[1]", "{}", "[{}]", "null"];
    let mut bodies: Vec<String> =
        ["[]", "[1]", "1", "\"x\"", "true", "{", "{\"", "[", "{}x", "{\"a\" 1}", "\u{feff}{}", ""]
            .map(str::to_owned)
            .into();
    for member in members {
        for value in values {
            bodies.push(format!(r#"{{"{member}": {value}}}"#));
            bodies.push(format!(r#"{{"name": "n", "capabilities": [], "data": 1, "keys": [], "{member}": {value}}}"#));
            bodies.push(format!(r#"{{"keys": [{{"key": "k", "idx": 0, "{member}": {value}}}]}}"#));
        }
    }
    let mut explained = 0;
    for (method, path, _) in BODIES {
        for body in &bodies {
            let reply = send(&service, &method, path, &[], body.clone()).await;
            assert!(reply.status.as_u16() < 500, "{path} {body}: {reply:?}");
            let Some(data) = reply.json()["data"].as_str().map(str::to_owned).filter(|_| reply.status == 400) else {
                continue;
            };
            explained += 1;
            let names = NAMES
                .iter()
                .filter(|name| data.split(|c: char| !c.is_alphanumeric() && c != ':').any(|word| word == **name));
            assert_eq!(names.collect::<Vec<_>>(), Vec::<&&str>::new(), "{path} {body}: {data}");
        }
    }
    assert!(explained > 500, "{explained}");
}

#[tokio::test]
async fn body_errors_name_member_problem_and_position() {
    let service = TestService::new().await;
    for (method, path, body, words) in [
        (Method::POST, KEYS, r#"{"capabilities": []}"#, "`name` is missing at line 1 column 20"),
        (Method::POST, KEYS, r#"{"name": 1}"#, "name: expected a string, found the number 1 at line 1 column 10"),
        (Method::POST, KEYS, "{\"name\":\n  \"a\",}", "trailing comma at line 2 column 7"),
        (
            Method::PUT,
            "/api/v1/github/kv/12345/key/a",
            r#"{"idx": 0.5}"#,
            "idx: expected a whole number, found the number 0.5",
        ),
        (
            Method::PUT,
            "/api/v1/github/kv/12345/key/a",
            r#"{"committed": 1}"#,
            "committed: expected true or false, found the number 1",
        ),
        (
            Method::POST,
            "/api/v1/github/kv/12345/commit",
            r#"{"keys": [{"key": "a"}, {"key": 1}]}"#,
            "keys[1].key: expected a string, found the number 1 at line 1 column 33",
        ),
    ] {
        let reply = send(&service, &method, path, &[], body).await;
        assert_eq!(reply.failed(400), "INVALID_BODY", "{body}");
        let data = reply.json()["data"].as_str().unwrap().to_owned();
        assert!(data.starts_with(words), "{body}: {data}");
    }
}
