//! The key-value store as clients reach it: events for its processes, with a valid token.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use terrapi::runtime::{Clock, SystemClock};

use super::history::History;
use super::processes::Function;
use crate::support::TestService;
use crate::support::service::KV;

/// How long a token is used. Its lifetime is a minute.
const TOKEN_USE: Duration = Duration::from_secs(20);

/// The key-value store as clients reach it.
pub struct Service<'a> {
    fixture: &'a TestService,
    function: &'a Function,
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
    pub fn new(fixture: &'a TestService, function: &'a Function, history: &'a History) -> Self {
        let (token, values) = (Mutex::default(), AtomicU64::new(1));
        Self { fixture, function, history, token, values, failures: Mutex::default(), operations: AtomicUsize::new(0) }
    }

    fn token(&self) -> String {
        let mut token = self.token.lock().unwrap();
        if let Some((_, token)) = token.as_ref().filter(|(since, _)| since.elapsed() < TOKEN_USE) {
            return token.clone();
        }
        // The functions run in real time, so the fixture that signs tokens must, too.
        self.fixture.clock.advance_ms(SystemClock.now().0 - self.fixture.clock.now().0);
        token.insert((Instant::now(), self.fixture.kv_token())).1.clone()
    }

    /// Sends a request. Returns status and body of the answer, or `None` if there was none.
    pub async fn send(&self, method: &str, path: &str, query: &str, body: Option<Value>) -> Option<(u16, Value)> {
        self.operations.fetch_add(1, Ordering::Relaxed);
        let mut event: Value = serde_json::from_str(include_str!("../../data/events/http_api.json")).unwrap();
        event["rawPath"] = format!("{KV}/{path}").into();
        event["rawQueryString"] = query.into();
        event["requestContext"]["http"]["path"] = event["rawPath"].clone();
        event["requestContext"]["http"]["method"] = method.into();
        event["headers"]["authorization"] = format!("Bearer {}", self.token()).into();
        event["headers"]["accept-encoding"] = "identity".into();
        event["cookies"] = json!([]);
        if let Some(body) = body {
            event["body"] = body.to_string().into();
        }
        let answer = self.function.invoke(&event).await;
        let Ok(answer) = answer.inspect_err(|error| self.count_failure(error)) else { return None };
        let status = u16::try_from(answer["statusCode"].as_u64()?).ok()?;
        let body: Value = serde_json::from_str(answer["body"].as_str()?).unwrap_or_default();
        if status >= 500 {
            self.count_failure(&format!("{status} {}", body["id"].as_str().unwrap_or_default()));
        }
        Some((status, body))
    }

    fn count_failure(&self, what: &str) {
        *self.failures.lock().unwrap().entry(what.to_owned()).or_default() += 1;
    }
}
