//! Deletion.

use serde_json::json;
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};

use crate::support::World;
use crate::support::world::KV;

#[tokio::test]
async fn one_chunk_or_every_chunk_goes_and_nothing_is_false() {
    let world = World::new().await;
    let token = world.kv_token();
    let path = format!("{KV}/key/k");
    for idx in 0..4 {
        let committed = idx != 2;
        world.put(&path, &token, json!({"data": idx, "idx": idx, "committed": committed})).await.ok();
    }
    assert_eq!(world.delete(&format!("{path}?idx=9"), &token).await.ok()["result"], false);
    assert_eq!(world.delete(&format!("{path}?idx=1"), &token).await.ok()["result"], true);
    assert_eq!(world.delete(&format!("{path}?idx=1"), &token).await.ok()["result"], false);
    assert_eq!(world.delete(&path, &token).await.ok()["result"], true);
    assert_eq!(world.get(&format!("{KV}/count/key/k?committed=false"), &token).await.failed(404), "NOT_FOUND");
    assert_eq!(world.delete(&path, &token).await.ok()["result"], false);
}

#[tokio::test]
async fn a_key_that_begins_with_another_is_left_alone() {
    let world = World::new().await;
    let token = world.kv_token();
    for key in ["k", "k/1", "k2", "k%01"] {
        world.put(&format!("{KV}/key/{key}"), &token, json!({"data": 1})).await.ok();
    }
    world.delete(&format!("{KV}/key/k"), &token).await.ok();
    assert_eq!(world.get(&format!("{KV}/iter/"), &token).await.ok()["results"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn chunks_that_are_closed_are_skipped_and_403_when_that_left_nothing() {
    let world = World::new().await;
    let (holder, token) = (world.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]), world.kv_token());
    let path = format!("{KV}/key/k");
    world.put(&path, &holder, json!({"data": 1, "write_caps": ["access_token_create"]})).await.ok();
    world.put(&path, &token, json!({"data": 1, "idx": 1})).await.ok();
    assert_eq!(world.delete(&path, &token).await.ok()["result"], true);
    assert_eq!(world.delete(&path, &token).await.failed(403), "RECORD_FORBIDDEN");
    assert_eq!(world.get(&path, &holder).await.ok()["data"], 1);
}
