//! The key-value store behind the Lambda loop: a key is the same through every front end.

use axum::Router;
use serde_json::{Value, json};
use terrapi::domain::kv::Key;
use terrapi::http::lambda_service;

use super::template::{ALL, Golden, on_the_wire, send};
use crate::support::TestService;
use crate::support::service::KV;

/// Keys that some layer might decode or split.
const KEYS: [&str; 36] = [
    "a",
    "a b",
    " a ",
    "a+b",
    "a%b",
    "a%20b",
    "a%2520b",
    "%",
    "%2F",
    "%00",
    "100%",
    "a?b=c",
    "?",
    "#",
    "a#b",
    "a/b/c",
    "a//b",
    "/a",
    "a/",
    "/",
    "//",
    ".",
    "..",
    "a/../b/./c",
    "../../../../etc/passwd",
    "ä/ö ü",
    "日本語",
    "🦀/👩‍👩‍👧",
    "e\u{301}",
    "\u{feff}x",
    "\u{1}\t\n\u{7f}",
    "\"q\"'<a>^`{|}[~]\\",
    "a;b,c:d@e!f$g&h=i*(j)",
    "key/a",
    "lambda-url/{key}/{*key}",
    "\u{ffff}\u{10ffff}",
];

struct Store {
    service: TestService,
    router: Router,
    token: String,
}

impl Store {
    async fn new() -> Self {
        let service = TestService::new().await;
        let router = lambda_service(kv_store::routes(), service.app.clone());
        let token = service.kv_token();
        Self { service, router, token }
    }

    /// Status and body of a request to this encoded path.
    async fn call(&self, golden: Golden, method: &str, path: &str, body: Option<&Value>) -> (u64, Value) {
        let mut event = golden.event(path, "");
        if golden == Golden::RestApi {
            event["httpMethod"] = method.into();
            event["headers"]["Authorization"] = format!("Bearer {}", self.token).into();
            event["multiValueHeaders"]["Authorization"] = json!([format!("Bearer {}", self.token)]);
        } else {
            event["requestContext"]["http"]["method"] = method.into();
            event["headers"]["authorization"] = format!("Bearer {}", self.token).into();
            // Without compression, since a long key makes a response large enough to compress.
            event["headers"].as_object_mut().unwrap().remove("accept-encoding");
        }
        event["body"] = body.map_or(Value::Null, |body| body.to_string().into());
        let answer = send(self.router.clone(), &event).await;
        let body = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        (answer["statusCode"].as_u64().unwrap(), body)
    }

    async fn ok(&self, golden: Golden, method: &str, path: &str, body: Option<&Value>) -> Value {
        let (status, answer) = self.call(golden, method, path, body).await;
        assert_eq!(status, 200, "{method} {path} through {golden:?}: {answer}");
        answer
    }
}

#[tokio::test]
async fn record_is_readable_through_every_front_end() {
    let store = Store::new().await;
    for (number, (key, writer)) in KEYS.into_iter().zip(ALL.into_iter().cycle()).enumerate() {
        let path = format!("{KV}/key/{}", on_the_wire(key));
        let record = store.ok(writer, "PUT", &path, Some(&json!({"data": number}))).await;
        assert_eq!(record["key"], key, "through {writer:?}");
        for reader in ALL {
            let record = store.ok(reader, "GET", &path, None).await;
            assert_eq!((&record["key"], &record["data"]), (&json!(key), &json!(number)), "{writer:?} {reader:?}");
        }
    }
    let listed = store.service.get(&format!("{KV}/iter/?limit=1000"), &store.token).await.ok();
    let keys: Vec<_> =
        listed["results"].as_array().unwrap().iter().map(|record| record["key"].as_str().unwrap()).collect();
    let mut expected = KEYS;
    expected.sort_unstable();
    assert_eq!(keys, expected, "one record a key, in the order of bytes");
}

#[tokio::test]
async fn every_operation_accepts_the_same_key() {
    let store = Store::new().await;
    for key in KEYS {
        let wire = on_the_wire(key);
        for golden in ALL {
            let created = store.ok(golden, "PUT", &format!("{KV}/cas/key/{wire}"), Some(&json!({"data": 1}))).await;
            assert_eq!(created["key"], key);
            assert_eq!(store.ok(golden, "GET", &format!("{KV}/count/key/{wire}"), None).await["count"], 1);
            assert_eq!(store.ok(golden, "GET", &format!("{KV}/size/key/{wire}"), None).await["size"], 1);
            assert_eq!(store.ok(golden, "GET", &format!("{KV}/iter/{wire}"), None).await["results"][0]["key"], key);
            assert_eq!(store.ok(golden, "DELETE", &format!("{KV}/key/{wire}"), None).await["result"], true);
            let (status, _) = store.call(golden, "GET", &format!("{KV}/key/{wire}"), None).await;
            assert_eq!(status, 404, "{key:?} through {golden:?}");
        }
    }
}

#[tokio::test]
async fn longest_key_is_accepted_and_invalid_keys_are_refused() {
    let store = Store::new().await;
    let wide = "é".repeat(Key::MAX_BYTES / 2);
    let longest = ["k".repeat(Key::MAX_BYTES), " ".repeat(Key::MAX_BYTES), wide.clone(), "/".repeat(Key::MAX_BYTES)];
    let refused = ["k".repeat(Key::MAX_BYTES + 1), format!("{wide}k"), "\0".into(), "a\0b".into(), String::new()];
    for golden in ALL {
        for key in &longest {
            let path = format!("{KV}/key/{}", on_the_wire(key));
            assert_eq!(store.ok(golden, "PUT", &path, Some(&json!({"data": 1}))).await["key"], *key);
            assert_eq!(store.ok(golden, "GET", &path, None).await["key"], *key);
        }
        for key in &refused {
            for method in ["GET", "PUT", "DELETE"] {
                let path = format!("{KV}/key/{}", on_the_wire(key));
                let (status, answer) = store.call(golden, method, &path, Some(&json!({"data": 1}))).await;
                assert_eq!(
                    (status, answer["id"].as_str()),
                    (400, Some("INVALID_KEY")),
                    "{method} {key:.9?} {golden:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn invalid_utf8_and_malformed_escapes_are_refused() {
    let store = Store::new().await;
    for wire in ["%ff", "%C3", "a/%ED%A0%80", "%zz", "%", "a%2"] {
        // An HTTP API decodes the path itself, so these paths never reach the function unchanged.
        for golden in [Golden::RestApi, Golden::FunctionUrl, Golden::Emulator] {
            let (status, answer) = store.call(golden, "GET", &format!("{KV}/key/{wire}"), None).await;
            assert_eq!((status, answer["id"].as_str()), (400, Some("INVALID_PATH")), "{wire} through {golden:?}");
        }
    }
}
