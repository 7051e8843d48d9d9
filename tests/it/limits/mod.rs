//! Rate limits. All other tests run without limits.

mod anonymous;
mod callers;
mod failed_secrets;
mod processes;
mod sandboxes;
mod unavailable_storage;

use std::time::Duration;

use axum::extract::Request;
use http::Method;
use terrapi::auth::Claims;
use terrapi::domain::rate::Limit;
use terrapi::domain::{Capability, KeyId};
use terrapi::http::ClientInfo;
use terrapi::runtime::{Random, RateLimits};

use crate::support::faulty::Call;
use crate::support::service::{KV, request, send_to};
use crate::support::{Reply, TestService, routes::Gateway};

/// Limits in requests per second, and burst.
pub fn callers(rate: u32, burst: u32) -> RateLimits {
    RateLimits { callers: Limit::per_second(rate, burst), ..without_limits() }
}

/// No limits, and a storage timeout for a machine that compiles while the tests run.
fn without_limits() -> RateLimits {
    RateLimits { patience: Duration::from_secs(10), ..RateLimits::default() }
}

fn some_key() -> KeyId {
    KeyId::new(Random::default().id().unwrap())
}

/// An access token of this key.
fn token_of(service: &TestService, key: KeyId) -> String {
    let claims = service.claims(&[Capability::KvStoreRead, Capability::KvStoreWrite]);
    service.signer.sign(&Claims { key_id: key, ..claims }).unwrap()
}

/// Sends a request that is authenticated and then refused without a storage call: 400 if the rate limit lets it pass.
async fn probe(gateway: &Gateway, token: &str) -> Reply {
    send_to(gateway, request(Method::GET, "/api/v1/github/access-token/x/audit", token, None)).await
}

/// Sends this many requests. Returns how many the rate limit let pass.
async fn passed(gateway: &Gateway, token: &str, requests: usize) -> usize {
    let mut passed = 0;
    for _ in 0..requests {
        let reply = probe(gateway, token).await;
        passed += usize::from(reply.status != 429);
    }
    passed
}

/// The number of calls that lease from rate budgets.
fn leases(calls: &[Call]) -> usize {
    calls.iter().filter(|call| is_lease(&call.request)).count()
}

fn is_lease(request: &serde_json::Value) -> bool {
    request["Key"]["pk"]["S"].as_str().is_some_and(|key| key.starts_with("rate#"))
}

/// The same request from another address.
fn from(address: &str, mut request: Request) -> Request {
    request.extensions_mut().insert(ClientInfo { source_ip: Some(address.into()), user_agent: None });
    request
}

/// A record's path.
fn record() -> String {
    format!("{KV}/key/k")
}
