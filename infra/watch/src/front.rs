//! The public port of the local stack. It forwards each request to the emulator and limits how many run concurrently.
//!
//! Without it, the emulator and its functions hang permanently above a hundred concurrent requests. Requests above the
//! limit wait here. If the queue is full, or a request waits too long, the answer is 503 with `Retry-After`. The port
//! is opened at the beginning, so that no other process can take it while the functions compile.

use std::{net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    response::Response,
};
use http::{
    HeaderMap, HeaderName, StatusCode, Uri,
    header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};
use http_body_util::BodyExt as _;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{sync::Semaphore, task::AbortHandle, time::timeout};

use crate::error::Result;

/// How many requests the emulator handles concurrently. It has hung permanently at 128.
const MAX_CONCURRENT_REQUESTS: usize = 64;
/// How many requests may wait.
const MAX_WAITING_REQUESTS: usize = 1_024;
/// The maximum duration of a request with its wait: the timeout of the gateway on AWS.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Headers that concern one connection only (RFC 9110 §7.6.1).
const HOP_BY_HOP: [HeaderName; 6] =
    [CONNECTION, HeaderName::from_static("keep-alive"), TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// It stops when dropped.
pub struct Front(AbortHandle);

struct Shared {
    /// `127.0.0.1:<port>` of the emulator.
    emulator: String,
    client: Client<HttpConnector, Body>,
    places: Semaphore,
    turns: Semaphore,
}

impl Front {
    /// Forwards the requests on `listener` to the emulator at `emulator` (`127.0.0.1:<port>`).
    ///
    /// # Errors
    /// The listener cannot be used.
    pub fn start(listener: TcpListener, emulator: String) -> Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let client = Client::builder(TokioExecutor::new()).build_http();
        let (places, turns) =
            (Semaphore::new(MAX_CONCURRENT_REQUESTS + MAX_WAITING_REQUESTS), Semaphore::new(MAX_CONCURRENT_REQUESTS));
        let router = Router::new().fallback(handle).with_state(Arc::new(Shared { emulator, client, places, turns }));
        let serving = tokio::spawn(async move {
            if let Err(reason) = axum::serve(listener, router).await {
                tracing::error!(%reason, "the server of the public port stopped");
            }
        });
        Ok(Self(serving.abort_handle()))
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let Ok(_place) = shared.places.try_acquire() else { return busy() };
    timeout(REQUEST_TIMEOUT, forward(&shared, request)).await.ok().flatten().unwrap_or_else(busy)
}

/// Returns `None` if the emulator does not answer.
async fn forward(shared: &Shared, mut request: Request) -> Option<Response> {
    let _turn = shared.turns.acquire().await.ok()?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() =
        Uri::builder().scheme("http").authority(&*shared.emulator).path_and_query(path).build().ok()?;
    drop_hop_by_hop(request.headers_mut());
    let answer = shared
        .client
        .request(request)
        .await
        .inspect_err(|reason| tracing::debug!(%reason, "the emulator did not answer"));
    let (mut parts, body) = answer.ok()?.into_parts();
    drop_hop_by_hop(&mut parts.headers);
    // Reads the whole body, so that the next request starts only when the emulator has finished this one.
    Some(Response::from_parts(parts, Body::from(body.collect().await.ok()?.to_bytes())))
}

fn drop_hop_by_hop(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

fn busy() -> Response {
    let mut response = Response::new(Body::from(r#"{"id":"UNAVAILABLE"}"#));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    headers.insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
    response
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// An emulator that notes how many requests it has at a time, and answers when told to.
    async fn emulator(most: Arc<AtomicUsize>, open: Arc<Semaphore>) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let now = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(move |request: Request| {
            let (most, open, now) = (most.clone(), open.clone(), now.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                open.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
                request.uri().to_string()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    fn front(emulator: String) -> (Front, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        (Front::start(listener, emulator).unwrap(), origin)
    }

    async fn get(origin: &str, path: &str) -> (StatusCode, String) {
        let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
        let answer = client.get(format!("{origin}{path}").parse().unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn emulator_receives_at_most_the_bounded_concurrency() {
        let (most, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let (_front, origin) = front(emulator(most.clone(), open.clone()).await);
        let callers: Vec<_> = (0..200)
            .map(|_| {
                let origin = origin.clone();
                tokio::spawn(async move { get(&origin, "/health").await.0 })
            })
            .collect();
        while most.load(Ordering::SeqCst) < MAX_CONCURRENT_REQUESTS {
            tokio::task::yield_now().await;
        }
        open.add_permits(200);
        for caller in callers {
            assert_eq!(caller.await.unwrap(), 200);
        }
        assert_eq!(most.load(Ordering::SeqCst), MAX_CONCURRENT_REQUESTS);
    }

    #[tokio::test]
    async fn path_and_query_arrive_as_they_were_sent() {
        let (_front, origin) = front(emulator(Arc::default(), Arc::new(Semaphore::new(9))).await);
        for path in ["/a%2Fb//c?x=%20&y", "/..%2f", "/%C3%A9?"] {
            assert_eq!(get(&origin, path).await, (StatusCode::OK, path.to_owned()));
        }
    }

    #[tokio::test]
    async fn unavailable_emulator_is_503() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let (_front, origin) = front(closed);
        assert_eq!(get(&origin, "/health").await, (StatusCode::SERVICE_UNAVAILABLE, r#"{"id":"UNAVAILABLE"}"#.into()));
    }
}
