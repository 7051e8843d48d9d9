//! Deletion of records and of whole keys.

use serde_json::json;
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};

use crate::support::TestService;
use crate::support::service::KV;

#[tokio::test]
async fn delete_removes_one_or_all_chunks_and_none_is_false() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let path = format!("{KV}/key/k");
    for idx in 0..4 {
        let committed = idx != 2;
        service.put(&path, &token, json!({"data": idx, "idx": idx, "committed": committed})).await.ok();
    }
    assert_eq!(service.delete(&format!("{path}?idx=9"), &token).await.ok()["result"], false);
    assert_eq!(service.delete(&format!("{path}?idx=1"), &token).await.ok()["result"], true);
    assert_eq!(service.delete(&format!("{path}?idx=1"), &token).await.ok()["result"], false);
    assert_eq!(service.delete(&path, &token).await.ok()["result"], true);
    assert_eq!(service.get(&format!("{KV}/count/key/k?committed=false"), &token).await.failed(404), "NOT_FOUND");
    assert_eq!(service.delete(&path, &token).await.ok()["result"], false);
}

#[tokio::test]
async fn delete_keeps_keys_with_the_same_prefix() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["k", "k/1", "k2", "k%01"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": 1})).await.ok();
    }
    service.delete(&format!("{KV}/key/k"), &token).await.ok();
    assert_eq!(service.get(&format!("{KV}/iter/"), &token).await.ok()["results"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn delete_skips_forbidden_chunks_and_is_403_if_all_are() {
    let service = TestService::new().await;
    let (holder, token) = (service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]), service.kv_token());
    let path = format!("{KV}/key/k");
    service.put(&path, &holder, json!({"data": 1, "write_caps": ["access_token_create"]})).await.ok();
    service.put(&path, &token, json!({"data": 1, "idx": 1})).await.ok();
    assert_eq!(service.delete(&path, &token).await.ok()["result"], true);
    assert_eq!(service.delete(&path, &token).await.failed(403), "RECORD_FORBIDDEN");
    assert_eq!(service.get(&path, &holder).await.ok()["data"], 1);
}
