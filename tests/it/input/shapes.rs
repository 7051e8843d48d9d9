//! Input that is well-formed and of another shape.

use serde_json::json;

use super::ALL;
use crate::support::World;
use crate::support::world::KV;

const KEYS: &str = "/api/v1/github/access-token";

#[tokio::test]
async fn another_spelling_of_a_number_is_refused() {
    let world = World::new().await;
    let token = world.token(&ALL);
    world.put(&format!("{KV}/key/a"), &token, json!({"data": 1, "idx": 7})).await.ok();
    world.get(&format!("{KV}/key/a?idx=7"), &token).await.ok();
    for alias in ["07", "%2B7", "+7", "7.0", "7e0", "0x7", "-0", "00", "%207", "7_0", "%EF%BC%97"] {
        for path in ["key/a?idx=", "size/key/a?idx=", "iter/a?idx=", "iter/?limit="] {
            let reply = world.get(&format!("{KV}/{path}{alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{path}{alias}");
        }
        for name in ["idx", "version"] {
            let reply = world.delete(&format!("{KV}/key/a?{name}={alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{name}={alias}");
        }
        for listing in [KEYS, "/api/v1/admin/audit", "/api/v1/admin/drifts", "/api/v1/admin/dead-letters"] {
            let reply = world.get(&format!("{listing}?limit={alias}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{listing} {alias}");
        }
    }
    world.get(&format!("{KV}/key/a?idx=7"), &token).await.ok();
}
