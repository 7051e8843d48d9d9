//! Work on keys whose values together take 24 and 32 MiB.

use http::Method;
use serde_json::json;

use super::{Sent, measure};
use crate::support::TestService;
use crate::support::service::KV;

const MIB: usize = 1024 * 1024;
/// The largest value that is stored in its item, in bytes; an item holds two of them when one is staged.
const INLINE_BYTES: usize = 16 * 1024;
/// So few that also code which reads the values answers in time, and is caught by what they take.
const CHUNKS: u32 = 1_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_on_a_whole_key_uses_at_most_16_mib() {
    let service = TestService::direct().await;
    let token = service.kv_token();
    let value = "x".repeat(INLINE_BYTES - 2);
    for key in ["light", "heavy"] {
        for committed in [true, false] {
            let body = json!({"data": value, "committed": committed});
            service.put(&format!("{KV}/key/{key}"), &token, body).await.ok();
        }
    }
    service.backend.multiply_record("heavy", CHUNKS).await;
    service.put(&format!("{KV}/key/gone"), &token, json!({"data": value})).await.ok();
    service.backend.multiply_record("gone", CHUNKS / 2 * 3).await;
    let sent = |method: Method, path: &str, body: &str| Sent {
        method,
        path: format!("{KV}/{path}"),
        token: token.clone(),
        body: body.to_owned(),
    };
    let requests = [
        sent(Method::GET, "count/key/light", ""),
        sent(Method::GET, "count/key/heavy", ""),
        sent(Method::GET, "size/key/heavy?committed=false", ""),
        sent(Method::GET, "iter/heavy?limit=1000&include_data=false", ""),
        sent(Method::POST, "commit", r#"{"keys":[{"key":"heavy"}]}"#),
        sent(Method::DELETE, "key/gone", ""),
    ];
    for (measured, request) in measure(&service, "kv-store", &requests).await.iter().zip(&requests).skip(1) {
        println!("{}: {measured:?}", request.path);
        assert_eq!(measured.status, 200, "{}: {measured:?}", request.path);
        assert!(measured.grown_bytes <= 16 * MIB, "{}: {measured:?}", request.path);
    }
}
