//! Keys with very many chunks.

use serde_json::json;

use crate::support::TestService;
use crate::support::service::KV;

/// The number of calls of these operations.
fn calls(service: &TestService, operations: &[&str]) -> usize {
    service.faulty.ledger().take().iter().filter(|call| operations.contains(&call.operation.as_str())).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn key_of_more_than_100_000_chunks_is_refused() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await.ok();
    service.backend.multiply_record("k", 100_001).await;
    assert_eq!(service.get(&format!("{KV}/size/key/k"), &token).await.failed(413), "TOO_MANY_CHUNKS");
    // The second time, the first page ends early, as it does where the records are large.
    for page in [1_000, 500] {
        service.faulty.ledger().take();
        let hits = service.faulty.on("Query").nth(1).page_of(page);
        assert_eq!(service.delete(&format!("{KV}/key/k"), &token).await.failed(413), "TOO_MANY_CHUNKS");
        assert_eq!(hits.count(), 1);
        assert_eq!(calls(&service, &["UpdateItem", "PutItem", "TransactWriteItems"]), 0, "nothing was deleted");
        service.faulty.heal();
    }
    let commit = json!({"keys": [{"key": "k"}]});
    assert_eq!(service.post(&format!("{KV}/commit"), &token, commit).await.failed(400), "COMMIT_TOO_LARGE");
    assert!(calls(&service, &["Query"]) <= 11, "reading ends at the 10,001st record");
    assert_eq!(service.delete(&format!("{KV}/key/k?idx=7"), &token).await.ok()["result"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn multi_page_key_is_counted_committed_and_deleted() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/k"), &token, json!({"data": "x", "committed": true})).await.ok();
    service.backend.multiply_record("k", 2_500).await;
    let counted = json!({"count": 2_500, "max_idx": 2_499});
    assert_eq!(service.get(&format!("{KV}/count/key/k"), &token).await.ok(), counted);
    assert_eq!(service.get(&format!("{KV}/size/key/k"), &token).await.ok()["size"], 2_500 * 3);
    let strict = json!({"keys": [{"key": "k"}], "strict": true});
    assert_eq!(service.post(&format!("{KV}/commit"), &token, strict).await.ok(), json!({"keys": []}));
    assert_eq!(service.delete(&format!("{KV}/key/k"), &token).await.ok()["result"], true);
    assert_eq!(service.get(&format!("{KV}/count/key/k"), &token).await.failed(404), "NOT_FOUND");
    service.faulty.ledger().take();
    assert_eq!(service.delete(&format!("{KV}/key/k"), &token).await.ok()["result"], false);
    assert_eq!(calls(&service, &["UpdateItem", "PutItem", "TransactWriteItems"]), 0, "tombstones are left alone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_keys_share_the_limit_of_a_commit() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["a", "b"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": 1})).await.ok();
        service.backend.multiply_record(key, 5_001).await;
    }
    let commit = async |keys| service.post(&format!("{KV}/commit"), &token, json!({"keys": keys})).await;
    assert_eq!(commit(json!([{"key": "a"}, {"key": "b"}])).await.failed(400), "COMMIT_TOO_LARGE");
    commit(json!([{"key": "a"}])).await.ok();
}
