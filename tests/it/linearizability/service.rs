//! The key-value store as clients reach it, with a valid token: through events for its processes, or over HTTP.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};
use terrapi::runtime::{Clock, SystemClock};
use tokio::time::sleep;

use super::history::History;
use super::processes::Function;
use crate::smoke::stack::Connection;
use crate::support::TestService;
use crate::support::service::KV;

/// How long a token is used. Its lifetime is a minute.
const TOKEN_USE: Duration = Duration::from_secs(20);
/// How long a process may take to start again.
const RESTART: Duration = Duration::from_secs(30);

/// The way to the key-value store.
pub enum Route<'a> {
    /// Events for the processes of the function.
    Events { fixture: &'a TestService, function: &'a Function },
    /// HTTP to `terrapi serve`.
    Http { client: reqwest::Client, connection: &'a Connection },
}

/// A request, without its credential.
struct Request<'r> {
    method: &'r str,
    path: &'r str,
    query: &'r str,
    body: Option<Value>,
}

/// The key-value store as clients reach it.
pub struct Service<'a> {
    route: Route<'a>,
    pub history: &'a History,
    token: Mutex<Option<(Instant, String)>>,
    /// The next unused value.
    pub values: AtomicU64,
    /// The number of failed answers, by status and id.
    pub failures: Mutex<BTreeMap<String, usize>>,
    /// How many requests were sent.
    pub operations: AtomicUsize,
}

impl<'a> Service<'a> {
    pub fn new(route: Route<'a>, history: &'a History) -> Self {
        let (token, values) = (Mutex::default(), AtomicU64::new(1));
        Self { route, history, token, values, failures: Mutex::default(), operations: AtomicUsize::new(0) }
    }

    async fn token(&self) -> String {
        if let Some((_, token)) = self.token.lock().unwrap().as_ref().filter(|(since, _)| since.elapsed() < TOKEN_USE) {
            return token.clone();
        }
        let token = self.route.token().await;
        self.token.lock().unwrap().insert((Instant::now(), token)).1.clone()
    }

    /// Sends a request. Returns status and body of the answer, or `None` if there was none.
    pub async fn send(&self, method: &str, path: &str, query: &str, body: Option<Value>) -> Option<(u16, Value)> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        let request = Request { method, path, query, body };
        let answer = self.route.send(&request, &self.token().await).await;
        let Ok((status, body)) = answer.inspect_err(|error| self.count_failure(error)) else { return None };
        if status >= 500 {
            self.count_failure(&format!("{status} {}", body["id"].as_str().unwrap_or_default()));
        }
        Some((status, body))
    }

    fn count_failure(&self, what: &str) {
        *self.failures.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }
}

impl Route<'_> {
    async fn token(&self) -> String {
        match self {
            Self::Events { fixture, .. } => {
                // The functions run in real time, so the fixture that signs tokens must, too.
                fixture.clock.advance_ms(SystemClock.now().0 - fixture.clock.now().0);
                fixture.kv_token()
            }
            Self::Http { client, connection } => {
                let url = format!("{}/api/v1/access-token/refresh", connection.base_url);
                let answer = sent(|| client.post(&url).bearer_auth(&connection.api_key)).await.unwrap();
                answer.1["token"].as_str().unwrap().to_owned()
            }
        }
    }

    /// The status and the body of the answer. An error says why there is none.
    async fn send(&self, request: &Request<'_>, token: &str) -> Result<(u16, Value), String> {
        match self {
            Self::Events { function, .. } => {
                let answer = function.invoke(&request.event(token)).await?;
                let status = answer["statusCode"].as_u64().and_then(|status| u16::try_from(status).ok());
                let body = answer["body"].as_str().and_then(|body| serde_json::from_str(body).ok());
                Ok((status.ok_or("no status")?, body.unwrap_or_default()))
            }
            Self::Http { client, connection } => {
                let Request { method, path, query, body } = request;
                let url = format!("{}{KV}/{path}?{query}", connection.base_url);
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                sent(|| {
                    let request = client.request(method.clone(), &url).bearer_auth(token);
                    match body {
                        Some(body) => request.header("content-type", "application/json").body(body.to_string()),
                        None => request,
                    }
                })
                .await
            }
        }
    }
}

impl Request<'_> {
    fn event(&self, token: &str) -> Value {
        let mut event: Value = serde_json::from_str(include_str!("../../data/events/http_api.json")).unwrap();
        event["rawPath"] = format!("{KV}/{}", self.path).into();
        event["rawQueryString"] = self.query.into();
        event["requestContext"]["http"]["path"] = event["rawPath"].clone();
        event["requestContext"]["http"]["method"] = self.method.into();
        event["headers"]["authorization"] = format!("Bearer {token}").into();
        event["headers"]["accept-encoding"] = "identity".into();
        event["cookies"] = json!([]);
        if let Some(body) = &self.body {
            event["body"] = body.to_string().into();
        }
        event
    }
}

/// Sends a request until it reaches a process: one that could not connect was not carried out, so it may be sent again.
async fn sent(request: impl Fn() -> reqwest::RequestBuilder) -> Result<(u16, Value), String> {
    let deadline = Instant::now() + RESTART;
    loop {
        match request().send().await {
            Ok(answer) => {
                let (status, body) = (answer.status().as_u16(), answer.bytes().await);
                let body = body.map_err(|_| "half an answer")?;
                return Ok((status, serde_json::from_slice(&body).unwrap_or_default()));
            }
            Err(error) if error.is_connect() && Instant::now() < deadline => sleep(Duration::from_millis(20)).await,
            Err(_) => return Err("no answer".to_owned()),
        }
    }
}
