//! Commits: all at once, and exactly once.

use serde_json::json;

use crate::support::World;
use crate::support::world::KV;

#[tokio::test]
async fn staged_values_are_hidden_until_a_commit_publishes_them_all() {
    let world = World::new().await;
    let token = world.kv_token();
    world.put(&format!("{KV}/key/a"), &token, json!({"data": "old"})).await.ok();
    world.stage(&token, "a", &[json!("new"), json!("second")]).await;
    assert_eq!(world.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "old");
    assert_eq!(world.get(&format!("{KV}/key/a?committed=false"), &token).await.ok()["data"], "new");
    assert_eq!(world.get(&format!("{KV}/count/key/a"), &token).await.ok()["count"], 1);

    let reply = world.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "a"}]})).await.ok();
    assert_eq!(reply, json!({"keys": [{"key": "a", "idx": 0}, {"key": "a", "idx": 1}]}));
    for folded in [false, true] {
        if folded {
            assert!(world.fold().await > 0);
        }
        assert_eq!(world.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "new", "folded: {folded}");
        assert_eq!(world.get(&format!("{KV}/count/key/a"), &token).await.ok()["count"], 2);
        assert_eq!(world.get(&format!("{KV}/size/key/a"), &token).await.ok()["size"], 13);
        let again = world.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "a"}]})).await.ok();
        assert_eq!(again, json!({"keys": []}), "folded: {folded}");
    }
}
