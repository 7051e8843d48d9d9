//! Commits that the worker has missed because it was away for longer than the table's stream keeps a change.

use http::Method;
use serde_json::json;

use crate::support::world::KV;
use crate::support::{Pump, World};

const HOUR_MS: i64 = 3_600_000;

/// How often requests woke the worker since the last time somebody asked.
fn wakes(world: &World) -> usize {
    let calls = world.faulty.ledger().take();
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
        let world = World::new().await;
        let mut stream = Pump::new(&world, "kv");
        let send = async || {
            let path = format!("{KV}/{path}");
            world.call(method.clone(), &path, &world.kv_token(), body.clone()).await.ok();
        };
        world.stage(&world.kv_token(), "k", &[json!("new")]).await;
        let commit = json!({"keys": [{"key": "k"}]});
        world.post(&format!("{KV}/commit"), &world.kv_token(), commit).await.ok();
        while stream.peek().is_some() {
            stream.accept();
        }
        world.clock.advance_ms(HOUR_MS);
        world.faulty.ledger().take();
        send().await;
        send().await;
        assert_eq!(wakes(&world), 1, "{method} {path}: once an hour");
        assert!(stream.run(&world).await.iter().all(|answer| answer.failures.is_empty()), "{method} {path}");
        assert_eq!(world.fold().await, 0, "{method} {path}: the worker has folded the commit");
        world.assert_kv_settled().await;
    }
}

#[tokio::test]
async fn worker_is_woken_hourly_and_not_before() {
    let world = World::new().await;
    world.stage(&world.kv_token(), "k", &[json!("new")]).await;
    world.post(&format!("{KV}/commit"), &world.kv_token(), json!({"keys": [{"key": "k"}]})).await.ok();
    world.clock.advance_ms(HOUR_MS - 1);
    for (pause, expected) in [(0, 0), (1, 1), (HOUR_MS - 1, 0), (1, 1)] {
        world.clock.advance_ms(pause);
        world.faulty.ledger().take();
        let read = world.get(&format!("{KV}/key/k"), &world.kv_token()).await.ok();
        assert_eq!(read["data"], "new");
        assert_eq!(wakes(&world), expected, "after another {pause} ms");
    }
    world.faulty.on("UpdateItem").cut_before_store();
    world.clock.advance_ms(HOUR_MS);
    assert_eq!(world.get(&format!("{KV}/key/k"), &world.kv_token()).await.ok()["data"], "new", "waking failed");
}
