//! The common parts of the GitHub and GitLab test doubles: an HTTP server on loopback, validation of calls against the
//! API description, fault injection, and sign-in.

mod description;
pub mod oauth;
mod pages;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub use self::description::Description;
pub use self::pages::{Pages, page_of};

/// A fault instead of the regular answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status with these headers.
    Answer(u16, Vec<(&'static str, String)>),
    /// Status 200 with this body.
    Body(&'static str),
    /// No answer until the client gives up.
    Silence,
}

/// The first layer of a test double, which sees every request.
pub struct Desk {
    description: Arc<Description>,
    faults: Mutex<Vec<(String, Fault)>>,
    seen: Mutex<Vec<String>>,
    violations: Mutex<Vec<String>>,
}

impl Desk {
    /// Makes the next calls of `route` (`GET /user`) fail, one per fault.
    pub fn fail(&self, route: &str, faults: impl IntoIterator<Item = Fault>) {
        let faults = faults.into_iter().map(|fault| (route.to_owned(), fault));
        locked(&self.faults).extend(faults);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        locked(&self.faults).clear();
    }

    /// The routes called since the last `take_seen`, in order.
    pub fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.seen))
    }

    /// The example answer from the API description.
    pub fn example(&self, route: &str) -> Value {
        self.description.example(route)
    }

    fn fault(&self, route: &str) -> Option<Fault> {
        let mut faults = locked(&self.faults);
        let index = faults.iter().position(|(of, _)| of == route)?;
        Some(faults.remove(index).1)
    }

    fn object(&self, problem: String) -> Response {
        // Printed above the failure that the test itself reports.
        eprintln!("{problem}");
        locked(&self.violations).push(problem);
        StatusCode::IM_A_TEAPOT.into_response()
    }
}

pub fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn receive(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if parts.headers.get(USER_AGENT).is_none_or(HeaderValue::is_empty) {
        return nameless();
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    // Sign-in pages are specified by RFCs; `oauth.rs` checks them.
    let described = desk.description.covers(parts.uri.path());
    let operation = described.then(|| desk.description.request(&parts, &body));
    let route = match &operation {
        Some(Ok(operation)) => operation.route.clone(),
        Some(Err(problem)) => return desk.object(problem.clone()),
        None => format!("{} {}", parts.method, parts.uri.path()),
    };
    locked(&desk.seen).push(route.clone());
    match desk.fault(&route) {
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Body(body)) => return body.into_response(),
        Some(Fault::Answer(status, headers)) => return faulty(status, headers),
        None => {}
    }
    let answer = next.run(Request::from_parts(parts, Body::from(body))).await;
    let Some(Ok(operation)) = operation else { return answer };
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    match desk.description.answer(&operation, parts.status, &body) {
        Ok(()) => Response::from_parts(parts, Body::from(body)),
        Err(problem) => desk.object(problem),
    }
}

/// GitHub's answer to a request without `User-Agent`.
fn nameless() -> Response {
    let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
    (StatusCode::FORBIDDEN, text).into_response()
}

fn faulty(status: u16, headers: Vec<(&'static str, String)>) -> Response {
    let pairs = headers.into_iter();
    let headers: HeaderMap =
        pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap())).collect();
    let body = axum::Json(json!({"message": "a fault of the test"}));
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}

/// A running test double. It stops when dropped, and fails the test if a call did not match the API description.
pub struct Server {
    pub origin: String,
    pub desk: Arc<Desk>,
    serving: AbortHandle,
}

impl Server {
    /// `routes` gets the server's own origin, for links.
    pub async fn start(description: Arc<Description>, routes: impl FnOnce(&str, &Arc<Desk>) -> Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let desk = Arc::new(Desk {
            description,
            faults: Mutex::default(),
            seen: Mutex::default(),
            violations: Mutex::default(),
        });
        let router = routes(&origin, &desk).layer(from_fn_with_state(desk.clone(), receive));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { origin, desk, serving: serving.abort_handle() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
        let violations = locked(&self.desk.violations);
        assert!(violations.is_empty() || std::thread::panicking(), "{violations:#?}");
    }
}

/// A JSON answer, whatever the status.
pub fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// The fields of a form, each at most once.
pub fn form(body: &Bytes) -> Vec<(String, String)> {
    pairs(std::str::from_utf8(body).unwrap())
}

/// The pairs of a query or a form (WHATWG URL §5.1).
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| {
        let part = part.replace('+', " ");
        percent_encoding::percent_decode_str(&part).decode_utf8().unwrap().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
