//! Selecting from a large value.

use http::Method;
use serde_json::json;

use super::{Sent, measure};
use crate::support::TestService;
use crate::support::service::KV;

const MIB: usize = 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn select_keeps_one_copy_of_the_value() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let members: Vec<_> = (0..4 * MIB / 8 - 100).map(|_| json!({"": 0})).collect();
    for (key, value) in [("small", json!({"b": 1})), ("large", json!({"a": members, "b": 1}))] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": value})).await.ok();
    }
    let size = service.get(&format!("{KV}/size/key/large"), &token).await.ok()["size"].as_u64().unwrap();
    let names: Vec<_> = (0..32).map(|n| format!("n{n}=a[{n}]")).collect();
    let path = |path: &str| format!("{KV}/{path}select={}", names.join(",").replace('[', "%5B").replace(']', "%5D"));
    let get = |path: String| Sent { method: Method::GET, path, token: token.clone(), body: String::new() };
    let requests = [get(path("key/small?")), get(path("key/large?")), get(path("iter/large?"))];
    for (measured, request) in measure(&service, "kv-store", &requests).await.iter().zip(requests).skip(1) {
        assert_eq!(measured.status, 200, "{measured:?}");
        // One copy of the object as read from storage, and one of the resulting text.
        assert!(measured.grown_bytes as u64 <= 2 * size + MIB as u64, "{:.40}: {measured:?}", request.path);
    }
}
