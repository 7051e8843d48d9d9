//! Large values in object storage: never referenced before they are stored, never left behind.

use http::Method;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::service::{KV, request};
use crate::support::{Reply, TestService};

fn text(bytes: usize) -> Value {
    json!("x".repeat(bytes - 2))
}

/// Sets `k` to a value given as JSON text.
pub async fn set_text(service: &TestService, token: &str, value: &str) -> Reply {
    let mut request = request(Method::PUT, &format!("{KV}/key/k"), token, Some(Value::Null));
    *request.body_mut() = axum::body::Body::from(format!(r#"{{"data": {value} }}"#));
    service.send(request).await
}

/// The text of `data` in a record's response, extracted without parsing, since the tests' JSON parser cannot hold every
/// value.
pub async fn data_text(service: &TestService, token: &str, path: &str) -> String {
    let (_, function) = service.gateway.function(KV);
    let answer = function.oneshot(request(Method::GET, path, token, None)).await.unwrap();
    let reply = Reply::read(answer).await;
    let text = std::str::from_utf8(&reply.bytes).unwrap();
    assert_eq!(reply.status, 200, "{text:.200}");
    let (_, rest) = text.split_once(r#""data":"#).unwrap();
    rest.split_once(r#","idx":"#).unwrap().0.to_owned()
}

#[tokio::test]
async fn any_json_value_keeps_its_spelling() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let integer = "9".repeat(5_000);
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    for value in [
        "1e400",
        "-1E+999",
        "1.10",
        "12345678901234567890123",
        &integer,
        &deep,
        r#"{"b":1,"a":[-0.0,1E2],"b":{}}"#,
        r#""\u00e9\/\ud83d\ude00\u0000""#,
        "\"é\u{7f}\u{2028}\"",
        "null",
    ] {
        let written = set_text(&service, &token, value).await.ok();
        assert_eq!(written["size"].as_u64(), Some(value.len() as u64), "{value:.30}");
        assert_eq!(data_text(&service, &token, &format!("{KV}/key/k")).await, value);
    }
    set_text(&service, &token, "\n{ \"a b\" :\t[ 1 , \" \\\" \" ]\r}").await.ok();
    assert_eq!(data_text(&service, &token, &format!("{KV}/key/k")).await, r#"{"a b":[1," \" "]}"#);
}

#[tokio::test]
async fn lone_surrogates_and_deep_nesting_are_refused() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for value in [r#""\ud800""#, r#"["\udc00"]"#, r#"{"\ud800\ud800":1}"#, r#""\ud800\n""#, &deep] {
        assert_eq!(set_text(&service, &token, value).await.failed(400), "INVALID_BODY", "{value:.30}");
    }
}

#[tokio::test]
async fn four_mebibyte_value_round_trips_and_a_larger_is_refused() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let path = format!("{KV}/key/big");
    let written = service.put(&path, &token, json!({"data": text(4 * 1024 * 1024)})).await.ok();
    assert_eq!((written["size"].as_u64(), service.blobs.count()), (Some(4 * 1024 * 1024), 1));
    assert_eq!(service.get(&path, &token).await.ok()["data"], text(4 * 1024 * 1024));
    let larger = json!({"data": text(4 * 1024 * 1024 + 1)});
    assert_eq!(service.put(&path, &token, larger).await.failed(413), "TOO_LARGE");
    assert_eq!(service.get(&format!("{KV}/size/key/big"), &token).await.ok()["size"], 4 * 1024 * 1024);
}

#[tokio::test]
async fn listings_fetch_value_objects_only_on_request() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/small"), &token, json!({"data": text(16 * 1024)})).await.ok();
    assert_eq!(service.blobs.count(), 0);
    service.put(&format!("{KV}/key/large"), &token, json!({"data": text(16 * 1024 + 1)})).await.ok();
    assert_eq!(service.blobs.count(), 1);
    let listed = service.get(&format!("{KV}/iter/?include_data=false"), &token).await.ok();
    assert_eq!((&listed["results"][0]["data"], &listed["results"][0]["size"]), (&json!(null), &json!(16 * 1024 + 1)));
    let listed = service.get(&format!("{KV}/iter/"), &token).await.ok();
    assert_eq!(listed["results"][0]["data"], text(16 * 1024 + 1));
}

#[tokio::test]
async fn page_ends_before_four_mebibytes_or_holds_one_record() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for (key, size) in [("a", 3_000_000), ("b", 1_000_000), ("c", 4_100_000), ("d", 10)] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": text(size)})).await.ok();
    }
    let (mut path, mut pages) = (format!("{KV}/iter/"), Vec::new());
    loop {
        let reply = service.get(&path, &token).await;
        let results = reply.ok()["results"].as_array().unwrap().clone();
        pages.push(results.iter().map(|record| record["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>());
        match reply.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"]]);
}

#[tokio::test]
async fn reader_of_a_replaced_object_gets_the_new_value() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let path = format!("{KV}/key/k");
    service.put(&path, &token, json!({"data": text(20_000)})).await.ok();
    service.clock.advance_ms(1);
    let gate = service.faulty.on("GetItem").table(&service.backend.tables.kv).nth(1).hold_after_store();
    let reading = service.get(&path, &token);
    let replacing = async {
        gate.arrived(1).await;
        service.put(&path, &token, json!({"data": text(30_000)})).await.ok();
        // The worker does this when the stream shows that the old object is no longer referenced.
        let old = service.blobs.oldest();
        service.app.store.delete_value(&old).await.unwrap();
        gate.release();
    };
    let (read, ()) = futures::join!(reading, replacing);
    assert_eq!(read.ok()["size"], 30_000);
}
