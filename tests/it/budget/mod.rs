//! The cost limit of each route: storage calls and capacity units on the warm path, for items below 1 KB.
//!
//! A change of these figures is a change of the price.

mod admin;
mod credentials;
mod identity;
mod installations;
mod kv_store;
mod team_tokens;
mod token_refresh;
mod worker;

use http::Method;
use serde_json::{Value, json};

use crate::support::TestService;
use crate::support::service::KV;

/// The storage calls of one request, including those made in the background.
async fn cost(service: &TestService, method: Method, path: &str, token: &str, body: Option<Value>) -> Vec<String> {
    let (reply, calls) = service
        .faulty
        .ledger()
        .during(async {
            let reply = service.call(method, path, token, body).await;
            service.app.background.settle().await;
            reply
        })
        .await;
    assert!(reply.status.is_success(), "{}", String::from_utf8_lossy(&reply.bytes));
    calls.iter().map(ToString::to_string).collect()
}

fn repeat(line: &str, times: usize) -> Vec<String> {
    vec![line.to_owned(); times]
}

/// A service in which the token is already verified and its membership cached.
async fn warm() -> (TestService, String) {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await.ok();
    service.faulty.ledger().take();
    (service, token)
}
