//! Commits that the worker has missed because it was away for longer than the table's stream keeps a change.

use http::Method;
use serde_json::json;

use crate::support::service::KV;
use crate::support::{StreamPump, TestService};

const HOUR_MS: i64 = 3_600_000;

/// How often requests woke the worker since the last time somebody asked.
fn wakes(service: &TestService) -> usize {
    let calls = service.faulty.ledger().take();
    calls.iter().filter(|call| call.request["UpdateExpression"] == "SET woken_at = :now").count()
}

#[tokio::test]
async fn request_wakes_the_worker_that_missed_a_commit() {
    let requests = [
        (Method::GET, "key/k", None),
        (Method::GET, "iter/", None),
        (Method::GET, "count/key/k", None),
        (Method::POST, "commit", Some(json!({"keys": [{"key": "k"}]}))),
        (Method::PUT, "key/k", Some(json!({"data": "newer"}))),
    ];
    for (method, path, body) in requests {
        let service = TestService::new().await;
        let mut stream = StreamPump::new(&service, "kv");
        let send = async || {
            let path = format!("{KV}/{path}");
            service.call(method.clone(), &path, &service.kv_token(), body.clone()).await.ok();
        };
        service.stage(&service.kv_token(), "k", &[json!("new")]).await;
        let commit = json!({"keys": [{"key": "k"}]});
        service.post(&format!("{KV}/commit"), &service.kv_token(), commit).await.ok();
        while stream.peek().is_some() {
            stream.accept();
        }
        service.clock.advance_ms(HOUR_MS);
        service.faulty.ledger().take();
        send().await;
        send().await;
        assert_eq!(wakes(&service), 1, "{method} {path}: once an hour");
        assert!(stream.run(&service).await.iter().all(|answer| answer.failures.is_empty()), "{method} {path}");
        assert_eq!(service.fold().await, 0, "{method} {path}: the worker has folded the commit");
        service.assert_kv_settled().await;
    }
}

#[tokio::test]
async fn worker_is_woken_hourly_and_not_before() {
    let service = TestService::new().await;
    service.stage(&service.kv_token(), "k", &[json!("new")]).await;
    service.post(&format!("{KV}/commit"), &service.kv_token(), json!({"keys": [{"key": "k"}]})).await.ok();
    service.clock.advance_ms(HOUR_MS - 1);
    for (pause, expected) in [(0, 0), (1, 1), (HOUR_MS - 1, 0), (1, 1)] {
        service.clock.advance_ms(pause);
        service.faulty.ledger().take();
        let read = service.get(&format!("{KV}/key/k"), &service.kv_token()).await.ok();
        assert_eq!(read["data"], "new");
        assert_eq!(wakes(&service), expected, "after another {pause} ms");
    }
    service.faulty.on("UpdateItem").cut_before_store();
    service.clock.advance_ms(HOUR_MS);
    assert_eq!(service.get(&format!("{KV}/key/k"), &service.kv_token()).await.ok()["data"], "new", "waking failed");
}
