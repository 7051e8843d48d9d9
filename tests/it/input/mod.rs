//! Invalid input: each case gets a documented 4xx with an `id`, never a 5xx.

mod bodies;
mod cookies;
mod cursors;
mod headers;
mod instants;
mod origins;
mod packed;
mod paths;
mod queries;
mod routing;
mod shapes;
mod tokens;

use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::Method;
use http::header::AUTHORIZATION;
use terrapi::domain::Capability;

use crate::support::{Reply, TestService};

/// Every capability that a user's token can hold.
const ALL: [Capability; 3] = [Capability::AccessTokenCreate, Capability::KvStoreRead, Capability::KvStoreWrite];

/// The routes that take a body, each with a valid one.
const BODIES: [(Method, &str, &str); 5] = [
    (Method::POST, "/api/v1/github/access-token", r#"{"name": "a", "capabilities": []}"#),
    (Method::POST, "/api/v1/access-token/refresh", r#"{"capabilities": []}"#),
    (Method::PUT, "/api/v1/github/kv/12345/key/a", r#"{"data": 1}"#),
    (Method::PUT, "/api/v1/github/kv/12345/cas/key/b", r#"{"data": 1}"#),
    (Method::POST, "/api/v1/github/kv/12345/commit", r#"{"keys": []}"#),
];

/// The routes with a key in their path, each with a method that works without a body.
const KEYED: [(Method, &str); 6] = [
    (Method::GET, "key"),
    (Method::DELETE, "key"),
    (Method::GET, "count/key"),
    (Method::GET, "size/key"),
    (Method::PUT, "key"),
    (Method::PUT, "cas/key"),
];

/// The credential that the route of this path accepts.
async fn credential(service: &TestService, path: &str) -> String {
    if path.ends_with("/refresh") { service.api_key(&ALL).await } else { service.admin_token(&ALL) }
}

/// Sends bytes with these headers and a valid credential.
async fn send(
    service: &TestService,
    method: &Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> Reply {
    let credential = credential(service, path).await;
    let mut request = Request::builder().method(method.clone()).uri(path);
    request = request.header(AUTHORIZATION, format!("Bearer {credential}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(Body::from(body.into())).unwrap()).await
}

/// Sends without a credential.
async fn send_anonymously(service: &TestService, method: &Method, path: &str, body: impl Into<Bytes>) -> Reply {
    let request = Request::builder().method(method.clone()).uri(path);
    service.send(request.body(Body::from(body.into())).unwrap()).await
}
