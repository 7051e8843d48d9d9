//! The worker, fed by the engine's stream through the filters in `template.yaml`.

use serde_json::{Value, json};
use worker::BatchAnswer;

use crate::support::service::KV;
use crate::support::{StreamPump, TestService};

fn large(fill: &str) -> Value {
    json!(fill.repeat(20_000))
}

#[tokio::test]
async fn commit_triggers_folding_and_its_removal() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "kv");
    let token = service.kv_token();
    service.stage(&token, "k", &[json!(1), json!(2)]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    assert!(pump.run(&service).await.contains(&BatchAnswer::default()));
    assert_eq!(service.fold().await, 0, "nothing is left to fold");
    service.faulty.ledger().take();
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], 1);
    assert_eq!(service.faulty.ledger().take_lines(), ["GetItem 1.0 RU"], "an ordinary record again");
    assert_eq!(service.get(&format!("{KV}/iter/"), &token).await.ok()["results"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn only_unreferenced_objects_are_removed() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "kv");
    let token = service.kv_token();
    let path = format!("{KV}/key/k");
    for fill in ["a", "b"] {
        service.put(&path, &token, json!({"data": large(fill)})).await.ok();
    }
    service.put(&path, &token, json!({"data": large("c"), "committed": false})).await.ok();
    assert_eq!(service.blobs.count(), 3);
    pump.run(&service).await;
    assert_eq!(service.blobs.count(), 2, "the live value and the draft");
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    pump.run(&service).await;
    pump.run(&service).await;
    assert_eq!((service.blobs.count(), service.get(&path, &token).await.ok()["data"].clone()), (1, large("c")));
    service.delete(&path, &token).await.ok();
    pump.run(&service).await;
    assert_eq!(service.blobs.count(), 0);
}

#[tokio::test]
async fn object_without_a_write_is_removed_with_its_intent() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "kv");
    let token = service.kv_token();
    service.put(&format!("{KV}/key/kept"), &token, json!({"data": large("k")})).await.ok();
    let refused = json!({"data": large("x"), "version": 1});
    assert_eq!(service.put(&format!("{KV}/cas/key/kept"), &token, refused).await.failed(400), "VERSION_MISMATCH");
    assert_eq!(service.blobs.count(), 2);
    pump.run(&service).await;
    assert_eq!(service.blobs.count(), 2, "its write may still arrive");
    // The service's clock is behind the engine's clock, so the intents have expired.
    service.backend.engine.as_ref().unwrap().database().sweep_ttl().unwrap();
    pump.run(&service).await;
    assert_eq!(service.blobs.count(), 1);
    assert_eq!(service.get(&format!("{KV}/key/kept"), &token).await.ok()["data"], large("k"));
}

#[tokio::test]
async fn failed_change_is_redelivered_and_idempotent() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "kv");
    let token = service.kv_token();
    service.stage(&token, "k", &[json!(1)]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    service.faulty.on("*").cut_before_store();
    let failed = pump.run(&service).await;
    assert_eq!(failed.last().unwrap().failures.len(), 1);
    service.faulty.heal();
    assert_eq!(pump.run(&service).await.last(), Some(&BatchAnswer::default()));
    let mut again = StreamPump::new(&service, "kv");
    again.run(&service).await;
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], 1);
}
