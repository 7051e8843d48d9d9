//! The program's own requests: to set a peer up, to fill it, and to check that it answers correctly.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::Result;
use crate::api::{Header, Request};

/// Long, because a busy disk can delay the initialization of a server by many seconds.
const TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub struct Client(reqwest::Client);

impl Client {
    pub fn new() -> Result<Self> {
        // Requests go to 127.0.0.1 without TLS, but the library wants a provider. It fails if there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self(reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?))
    }

    /// Sends a request and returns the answer's JSON, `null` for an empty answer. Fails if the status is not 2xx.
    pub async fn send(&self, base_url: &str, request: &Request, header: Option<&Header>) -> Result<Value> {
        let Request { method, path, body } = request;
        let mut sending = self.0.request(Method::from_bytes(method.as_bytes())?, format!("{base_url}{path}"));
        if let Some((name, value)) = header {
            sending = sending.header(*name, value);
        }
        if !body.is_empty() {
            sending = sending.header("content-type", "application/json").body(body.clone());
        }
        let answer = sending.send().await.map_err(|error| format!("{method} {path}: {error:?}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("{method} {path}: {status} {text}").into());
        }
        if text.trim().is_empty() { Ok(Value::Null) } else { Ok(serde_json::from_str(&text)?) }
    }
}
