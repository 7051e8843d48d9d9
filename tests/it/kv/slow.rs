//! Storage that does not answer.

use std::time::{Duration, Instant};

use futures::future::join_all;
use http::Method;
use serde_json::json;

use crate::support::World;
use crate::support::world::KV;

/// A request for one record ends after nine seconds. Without that bound it takes 15 seconds here.
const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn request_for_one_record_does_not_outlast_slow_storage() {
    let world = World::new().await;
    let token = world.kv_token();
    let (key, cas) = (format!("{KV}/key/k"), format!("{KV}/cas/key/k"));
    let staged = json!({"data": "new", "committed": false});
    world.put(&key, &token, staged.clone()).await.ok();
    world.faulty.on("*").hold_before_store();
    let requests = [
        (Method::GET, key.clone(), None, "UNAVAILABLE"),
        (Method::GET, format!("{KV}/iter/"), None, "UNAVAILABLE"),
        (Method::PUT, key.clone(), Some(staged.clone()), "OUTCOME_UNKNOWN"),
        (Method::PUT, cas, Some(staged), "OUTCOME_UNKNOWN"),
        (Method::DELETE, format!("{key}?idx=0"), None, "OUTCOME_UNKNOWN"),
    ];
    let begin = Instant::now();
    let replies = requests.iter().map(|(method, path, body, _)| world.call(method.clone(), path, &token, body.clone()));
    let replies = join_all(replies).await;
    let taken = begin.elapsed();
    assert!(taken < LIMIT, "{taken:?}");
    for ((method, path, _, code), reply) in requests.iter().zip(replies) {
        assert_eq!(reply.failed(503), *code, "{method} {path}");
    }
}
