//! Writes whose answers are lost, that are throttled, or that the client repeats.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::TestService;
use crate::support::faulty::Refusal;
use crate::support::service::KV;

fn cas(key: usize) -> String {
    format!("{KV}/cas/key/{key}")
}

#[tokio::test]
async fn cas_with_a_lost_answer_is_200_in_every_attempt() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for trial in 0..20 {
        let hits = service.faulty.on("UpdateItem").table(&service.backend.tables.kv).nth(1).cut_after_store();
        let inserted = service.put(&cas(trial), &token, json!({"data": 1})).await.ok();
        assert_eq!(hits.count(), 1);
        service.faulty.heal();
        let hits = service.faulty.on("UpdateItem").table(&service.backend.tables.kv).nth(1).cut_after_store();
        let body = json!({"data": 2, "version": inserted["version"]});
        let updated = service.put(&cas(trial), &token, body).await.ok();
        assert_eq!(hits.count(), 1);
        service.faulty.heal();
        let read = service.get(&format!("{KV}/key/{trial}"), &token).await.ok();
        assert_eq!((&read["data"], &read["version"]), (&json!(2), &updated["version"]));
        assert_eq!(updated["version"].as_i64(), inserted["version"].as_i64().map(|version| version + 1));
    }
}

#[tokio::test]
async fn deletion_with_a_lost_answer_reports_true() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for committed in [true, false] {
        let written =
            service.put(&format!("{KV}/key/k"), &token, json!({"data": 1, "committed": committed})).await.ok();
        let operation = if committed { "UpdateItem" } else { "TransactWriteItems" };
        let hits = service.faulty.on(operation).nth(1).cut_after_store();
        let path = format!("{KV}/key/k?idx=0&version={}", written["version"]);
        assert_eq!(service.delete(&path, &token).await.ok()["result"], true);
        assert_eq!(hits.count(), 1);
        service.faulty.heal();
        assert_eq!(service.delete(&path, &token).await.ok()["result"], false);
    }
}

/// Storage refuses every deletion but the first one. The answer must not say that nothing was changed.
#[tokio::test]
async fn interrupted_whole_key_deletion_has_an_unknown_outcome() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for idx in 0..40 {
        service.put(&format!("{KV}/key/k"), &token, json!({"data": 1, "idx": idx})).await.ok();
    }
    let writes = AtomicUsize::new(0);
    let later_write = move |body: &Value| {
        let write = body.get("UpdateExpression").is_some() || body.get("Item").is_some();
        write && writes.fetch_add(1, Ordering::SeqCst) > 0
    };
    service.faulty.on("*").table(&service.backend.tables.kv).matching(later_write).refuse(Refusal::Throttling);
    assert_eq!(service.delete(&format!("{KV}/key/k"), &token).await.failed(503), "OUTCOME_UNKNOWN");
    service.faulty.heal();
    assert_eq!(service.get(&format!("{KV}/count/key/k"), &token).await.ok()["count"], 39);
    assert_eq!(service.delete(&format!("{KV}/key/k"), &token).await.ok()["result"], true);
    assert_eq!(service.get(&format!("{KV}/count/key/k"), &token).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn lost_set_is_not_repeated_over_a_later_write() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let gate = service.faulty.on("UpdateItem").nth(1).hold_after_store();
    let fences = |body: &Value| body["UpdateExpression"].as_str().is_some_and(|update| update.contains("fence = "));
    let cut = service.faulty.on("UpdateItem").matching(fences).nth(1).cut_before_store();
    let path = format!("{KV}/key/k");
    let first = service.put(&path, &token, json!({"data": "first"}));
    let second = async {
        gate.arrived(1).await;
        let second = service.put(&path, &token, json!({"data": "second"})).await.ok();
        // The first writer's attempt times out on its held answer and then reads the record to learn the outcome.
        second
    };
    let (first, second) = futures::join!(first, second);
    gate.release();
    assert_eq!(cut.count(), 1);
    assert_eq!(first.ok()["version"].as_i64().map(|version| version + 1), second["version"].as_i64());
    assert_eq!(service.get(&path, &token).await.ok()["data"], "second");
}

#[tokio::test]
async fn throttling_and_conflicts_are_retried() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let refusals =
        [Refusal::ThroughputExceeded, Refusal::Throttling, Refusal::InternalServerError, Refusal::TransactionConflict];
    for (trial, refusal) in refusals.into_iter().enumerate() {
        // Reads never conflict with transactions.
        let reads = if matches!(refusal, Refusal::TransactionConflict) { "PutItem" } else { "GetItem" };
        let hits =
            ["UpdateItem", "PutItem", reads].map(|operation| service.faulty.on(operation).first(2).refuse(refusal));
        let reply = service.put(&cas(trial), &token, json!({"data": trial})).await;
        assert_eq!(reply.status, 200, "{refusal:?}");
        assert_eq!(service.get(&format!("{KV}/key/{trial}"), &token).await.ok()["data"], trial);
        assert!(hits.iter().map(|hits| hits.count()).sum::<usize>() > 2, "{refusal:?}");
        service.faulty.heal();
    }
}

#[tokio::test]
async fn busy_storage_is_503_with_retry_after() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.get(&format!("{KV}/key/k"), &token).await;
    service.faulty.on("*").refuse(Refusal::ThroughputExceeded);
    let reply = service.put(&cas(0), &token, json!({"data": 1})).await;
    assert_eq!((reply.failed(503), reply.header("retry-after")), ("UNAVAILABLE".into(), Some("1")));
    service.faulty.heal();
    service.put(&cas(0), &token, json!({"data": 1})).await.ok();
}

#[tokio::test]
async fn undeterminable_outcome_is_reported_as_unknown() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.get(&format!("{KV}/key/k"), &token).await;
    service.faulty.on("*").nth(1).die_after_store();
    assert_eq!(service.put(&cas(0), &token, json!({"data": 1})).await.failed(503), "OUTCOME_UNKNOWN");
    service.faulty.heal();
    assert_eq!(service.get(&format!("{KV}/key/0"), &token).await.ok()["data"], 1);
}

/// A thousand increments by sixteen writers while storage fails in every possible way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_increments_count_once_under_storage_faults() {
    let service = TestService::seeded(11).await;
    let token = service.kv_token();
    let path = format!("{KV}/cas/key/counter");
    service.put(&path, &token, json!({"data": 0})).await.ok();
    for operation in ["UpdateItem", "PutItem", "GetItem"] {
        service.faulty.on(operation).chance(0.02).cut_after_store();
        service.faulty.on(operation).chance(0.02).refuse(Refusal::ThroughputExceeded);
        service.faulty.on(operation).chance(0.02).cut_before_store();
    }
    let writers = (0..16).map(|_| async {
        let (mut certain, mut unknown) = (0, 0);
        while certain + unknown < 15 {
            let read = service.get(&format!("{KV}/key/counter"), &token).await;
            if read.status != 200 {
                continue;
            }
            let read = read.ok();
            let next = read["data"].as_i64().unwrap() + 1;
            let reply = service.put(&path, &token, json!({"data": next, "version": read["version"]})).await;
            match reply.status.as_u16() {
                200 => certain += 1,
                400 => assert_eq!(reply.failed(400), "VERSION_MISMATCH"),
                _ => unknown += 1,
            }
        }
        (certain, unknown)
    });
    let (certain, unknown) =
        join_all(writers).await.into_iter().fold((0, 0), |sum, done| (sum.0 + done.0, sum.1 + done.1));
    service.faulty.heal();
    let counter = service.get(&format!("{KV}/key/counter"), &token).await.ok()["data"].as_i64().unwrap();
    assert!((certain..=certain + unknown).contains(&counter), "{counter} of {certain} certain and {unknown} unknown");
    assert!(unknown * 10 <= certain, "few outcomes stay unknown: {unknown} of {certain}");
    service.assert_kv_settled().await;
}
