//! Storage that does not answer, or answers slowly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::support::TestService;
use crate::support::service::KV;

/// A request for one record ends after nine seconds. Without that bound it takes 15 seconds here.
const LIMIT: Duration = Duration::from_secs(10);
/// How long an ordinary request may take, and a busy machine's delay.
const ORDINARY: Duration = Duration::from_secs(12);
/// How slowly storage answers. A call is given up, and repeated, after three seconds.
const SLOW: Duration = Duration::from_millis(1_200);

#[tokio::test]
async fn request_for_one_record_does_not_outlast_slow_storage() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let (key, cas) = (format!("{KV}/key/k"), format!("{KV}/cas/key/k"));
    let staged = json!({"data": "new", "committed": false});
    service.put(&key, &token, staged.clone()).await.ok();
    service.faulty.on("*").hold_before_store();
    let requests = [
        (Method::GET, key.clone(), None, "UNAVAILABLE"),
        (Method::GET, format!("{KV}/iter/"), None, "UNAVAILABLE"),
        (Method::PUT, key.clone(), Some(staged.clone()), "OUTCOME_UNKNOWN"),
        (Method::PUT, cas, Some(staged), "OUTCOME_UNKNOWN"),
        (Method::DELETE, format!("{key}?idx=0"), None, "OUTCOME_UNKNOWN"),
    ];
    let begin = Instant::now();
    let replies =
        requests.iter().map(|(method, path, body, _)| service.call(method.clone(), path, &token, body.clone()));
    let replies = join_all(replies).await;
    let taken = begin.elapsed();
    assert!(taken < LIMIT, "{taken:?}");
    for ((method, path, _, code), reply) in requests.iter().zip(replies) {
        assert_eq!(reply.failed(503), *code, "{method} {path}");
    }
}

/// A key of less than 1,000 chunks, which fill 14 pages of a megabyte.
#[tokio::test]
async fn ordinary_whole_key_request_ends_over_slow_storage() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["k", "deleted"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": "x".repeat(16_000)})).await.ok();
        service.backend.multiply_record(key, 900).await;
    }
    let commit = json!({"keys": [{"key": "k"}]});
    let requests = [
        (Method::GET, format!("{KV}/count/key/k"), None, "UNAVAILABLE"),
        (Method::GET, format!("{KV}/size/key/k"), None, "UNAVAILABLE"),
        (Method::DELETE, format!("{KV}/key/deleted"), None, "OUTCOME_UNKNOWN"),
        (Method::POST, format!("{KV}/commit"), Some(commit), "OUTCOME_UNKNOWN"),
    ];
    service.faulty.on("*").delay_answer(SLOW);
    let begin = Instant::now();
    let replies =
        requests.iter().map(|(method, path, body, _)| service.call(method.clone(), path, &token, body.clone()));
    let replies = join_all(replies).await;
    let taken = begin.elapsed();
    assert!(taken < ORDINARY, "{taken:?}");
    for ((method, path, _, code), reply) in requests.iter().zip(replies) {
        assert_eq!(reply.failed(503), *code, "{method} {path}");
    }
}

/// A key of 12 pages. The last seven are read slowly, each within the time limit of a call.
#[tokio::test]
async fn count_of_a_large_key_goes_on_while_it_progresses() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await.ok();
    service.backend.multiply_record("k", 12_000).await;
    let pages = AtomicUsize::new(0);
    let slow = move |_: &Value| pages.fetch_add(1, Ordering::SeqCst) >= 5;
    service
        .faulty
        .on("Query")
        .table(&service.backend.tables.kv)
        .matching(slow)
        .delay_answer(Duration::from_millis(1_300));
    let begin = Instant::now();
    assert_eq!(service.get(&format!("{KV}/count/key/k"), &token).await.ok()["count"], 12_000);
    let taken = begin.elapsed();
    assert!(taken > Duration::from_secs(9), "{taken:?}");
}
