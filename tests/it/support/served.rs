//! A service over HTTP, for clients in other processes. Requests and answers are recorded.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::request::Parts;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tower::ServiceExt;

use super::reply::Reply;
use super::routes::Gateway;
use super::stand_in::locked;

/// A request and its answer.
pub struct Exchange {
    pub request: Parts,
    pub sent: Bytes,
    pub reply: Reply,
}

impl Exchange {
    /// The value of a request header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A gateway on its own port. It stops when dropped.
pub struct Served {
    pub origin: String,
    exchanges: Arc<Mutex<Vec<Exchange>>>,
    serving: AbortHandle,
}

impl Served {
    pub async fn start(gateway: &Gateway) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let exchanges = Arc::<Mutex<Vec<Exchange>>>::default();
        let router = Router::new().fallback(receive).with_state((gateway.clone(), exchanges.clone()));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, exchanges, serving: serving.abort_handle() }
    }

    /// The exchanges since the last call, in order of the answers.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *locked(&self.exchanges))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn receive(
    State((gateway, exchanges)): State<(Gateway, Arc<Mutex<Vec<Exchange>>>)>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, usize::MAX).await.unwrap();
    let (_, function) = gateway.function(parts.uri.path());
    let answer = function.oneshot(Request::from_parts(parts.clone(), Body::from(sent.clone()))).await.unwrap();
    let reply = Reply::read(answer).await;
    let mut response = Response::new(Body::from(reply.bytes.clone()));
    (*response.status_mut(), *response.headers_mut()) = (reply.status, reply.headers.clone());
    locked(&exchanges).push(Exchange { request: parts, sent, reply });
    response
}
