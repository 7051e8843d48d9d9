//! Commits: all at once, and exactly once.

use serde_json::json;

use crate::support::TestService;
use crate::support::service::KV;

#[tokio::test]
async fn staged_values_are_hidden_until_a_commit_publishes_them_all() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/a"), &token, json!({"data": "old"})).await.ok();
    service.stage(&token, "a", &[json!("new"), json!("second")]).await;
    assert_eq!(service.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "old");
    assert_eq!(service.get(&format!("{KV}/key/a?committed=false"), &token).await.ok()["data"], "new");
    assert_eq!(service.get(&format!("{KV}/count/key/a"), &token).await.ok()["count"], 1);

    let reply = service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "a"}]})).await.ok();
    assert_eq!(reply, json!({"keys": [{"key": "a", "idx": 0}, {"key": "a", "idx": 1}]}));
    for folded in [false, true] {
        if folded {
            assert!(service.fold().await > 0);
        }
        assert_eq!(service.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "new", "folded: {folded}");
        assert_eq!(service.get(&format!("{KV}/count/key/a"), &token).await.ok()["count"], 2);
        assert_eq!(service.get(&format!("{KV}/size/key/a"), &token).await.ok()["size"], 13);
        let again = service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "a"}]})).await.ok();
        assert_eq!(again, json!({"keys": []}), "folded: {folded}");
    }
}

#[tokio::test]
async fn strict_commit_of_a_key_ignores_its_deleted_chunks() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.stage(&token, "log", &[json!(0), json!(1), json!(2)]).await;
    let commit = json!({"keys": [{"key": "log"}], "strict": true});
    service.post(&format!("{KV}/commit"), &token, commit.clone()).await.ok();
    service.delete(&format!("{KV}/key/log"), &token).await.ok();
    service.stage(&token, "log", &[json!("a"), json!("b")]).await;
    let reply = service.post(&format!("{KV}/commit"), &token, commit.clone()).await.ok();
    assert_eq!(reply, json!({"keys": [{"key": "log", "idx": 0}, {"key": "log", "idx": 1}]}));
    service.delete(&format!("{KV}/key/log"), &token).await.ok();
    let refused = service.post(&format!("{KV}/commit"), &token, commit).await;
    assert_eq!(refused.failed(400), "COMMIT_REFUSED", "nothing is left of the key");
}

#[tokio::test]
async fn strict_commit_of_a_key_ignores_its_expired_drafts() {
    let service = TestService::new().await;
    service.stage(&service.kv_token(), "log", &[json!("abandoned"), json!("abandoned")]).await;
    service.clock.advance_ms(8 * 24 * 3_600_000);
    let token = service.kv_token();
    service.stage(&token, "log", &[json!("new")]).await;
    let commit = json!({"keys": [{"key": "log"}], "strict": true});
    let reply = service.post(&format!("{KV}/commit"), &token, commit.clone()).await.ok();
    assert_eq!(reply, json!({"keys": [{"key": "log", "idx": 0}]}));
    let chunk = json!({"keys": [{"key": "log", "idx": 1}], "strict": true});
    let refused = service.post(&format!("{KV}/commit"), &token, chunk).await;
    assert_eq!(refused.failed(400), "COMMIT_REFUSED", "the second chunk has expired");
}
