//! Compare and set.

use serde_json::json;

use crate::support::TestService;
use crate::support::service::KV;

const CAS: &str = "/api/v1/github/kv/12345/cas/key/k";

#[tokio::test]
async fn cas_inserts_without_a_version_and_replaces_with_one() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let first = service.put(CAS, &token, json!({"data": 1})).await.ok();
    let taken = service.put(CAS, &token, json!({"data": 2, "version": null})).await;
    assert_eq!(
        (taken.failed(400), &taken.json()["data"]),
        ("VERSION_MISMATCH".into(), &json!(first["version"].to_string()))
    );
    let second = service.put(CAS, &token, json!({"data": 2, "version": first["version"]})).await.ok();
    let stale = service.put(CAS, &token, json!({"data": 3, "version": first["version"]})).await;
    assert_eq!(
        (stale.failed(400), &stale.json()["data"]),
        ("VERSION_MISMATCH".into(), &json!(second["version"].to_string()))
    );
    let absent = service.put(&format!("{KV}/cas/key/none"), &token, json!({"data": 3, "version": 5})).await;
    assert_eq!((absent.failed(400), &absent.json()["data"]), ("VERSION_MISMATCH".into(), &json!("absent")));
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.ok()["data"], 2);
}

#[tokio::test]
async fn cas_on_a_draft_needs_the_draft_version() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let draft = service.put(CAS, &token, json!({"data": 1, "committed": false})).await.ok();
    assert_eq!(service.put(CAS, &token, json!({"data": 2})).await.failed(400), "VERSION_MISMATCH");
    let redraft = json!({"data": 2, "committed": false, "version": draft["version"]});
    let redraft = service.put(CAS, &token, redraft).await.ok();
    assert_eq!(service.get(&format!("{KV}/key/k"), &token).await.failed(404), "NOT_FOUND");
    let live = service.put(CAS, &token, json!({"data": 3, "version": redraft["version"]})).await.ok();
    assert!(live["version"].as_i64() > redraft["version"].as_i64());
    assert_eq!(service.get(&format!("{KV}/key/k?committed=false"), &token).await.ok()["data"], 3, "the draft is gone");
}

#[tokio::test]
async fn stale_version_never_overwrites_a_newer_record() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let first = service.put(CAS, &token, json!({"data": 1})).await.ok();
    service.delete(&format!("{KV}/key/k"), &token).await.ok();
    let successor = service.put(CAS, &token, json!({"data": 2})).await.ok();
    assert!(successor["version"].as_i64() > first["version"].as_i64());
    let late = json!({"data": 3, "version": first["version"]});
    assert_eq!(service.put(CAS, &token, late).await.failed(400), "VERSION_MISMATCH");
    let version = &first["version"];
    let late = service.delete(&format!("{KV}/key/k?idx=0&version={version}"), &token).await.ok();
    assert_eq!(late["result"], false);
}
