//! `select`: parts of values, returned as stored.

use serde_json::{Value, json};

use super::values::{data_text, set_text};
use crate::support::TestService;
use crate::support::service::KV;

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn selected_part_keeps_its_text() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let value =
        r#"{"n": 12345678901234567890123, "d": 1.10, "e": 1e400, "s": "\u00e9\/", "o": {"b": 1, "a": [2], "b": 3}}"#;
    set_text(&service, &token, value).await.ok();
    for (path, part) in [
        ("n", "12345678901234567890123"),
        ("d", "1.10"),
        ("e", "1e400"),
        ("s", r#""\u00e9\/""#),
        ("o", r#"{"b":1,"a":[2],"b":3}"#),
        ("o.b", "3"),
        ("o.a%5B0%5D", "2"),
        ("x", "null"),
    ] {
        let got = data_text(&service, &token, &format!("{KV}/key/k?select=p={path}")).await;
        assert_eq!(got, format!(r#"{{"p":{part}}}"#), "{path}");
        let listed = data_text(&service, &token, &format!("{KV}/iter/?select=p={path}")).await;
        assert_eq!(listed, got, "{path}");
    }
}

#[tokio::test]
async fn selected_names_and_result_size_are_limited() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let value: Value = json!({"a": "x".repeat(MIB - 100), "b": "y".repeat(100)});
    service.put(&format!("{KV}/key/k"), &token, json!({"data": value})).await.ok();
    let names = |count: usize| (0..count).map(|n| format!("n{n}=a")).collect::<Vec<_>>().join(",");
    for (path, count, fits) in [("key/k", 4, true), ("key/k", 5, false), ("iter/", 4, true), ("iter/", 5, false)] {
        let reply = service.get(&format!("{KV}/{path}?select={}", names(count)), &token).await;
        if fits {
            reply.ok();
        } else {
            assert_eq!(reply.failed(413), "SELECTION_TOO_LARGE", "{path} {count}");
        }
    }
    service.get(&format!("{KV}/key/k?select={}", names(32).replace("=a", "=b")), &token).await.ok();
    let more = names(33).replace("=a", "=b");
    for path in [format!("{KV}/key/k?select={more}"), format!("{KV}/iter/?select={more}")] {
        assert_eq!(service.get(&path, &token).await.failed(400), "INVALID_SELECT");
    }
}

#[tokio::test]
async fn selected_parts_of_a_page_share_one_size_limit() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["a", "b", "c"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": {"a": "x".repeat(MIB)}})).await.ok();
    }
    let select = "select=p=a,q=a";
    assert_eq!(service.get(&format!("{KV}/iter/?{select}"), &token).await.failed(413), "SELECTION_TOO_LARGE");
    service.get(&format!("{KV}/iter/?limit=1&{select}"), &token).await.ok();
}
