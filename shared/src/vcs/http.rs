//! The HTTP client for providers: Mozilla's root certificates, a timeout on every wait, and retries where they are
//! safe.
//!
//! A `GET` is retried if the provider is unavailable (502, 503, 504) or its rate limit is exceeded, and only if the
//! requested wait is short. Nothing else is retried, because a code and a refresh token are good for one call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use jiff::fmt::rfc2822;
use reqwest::Client;
use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;
use webpki_roots::TLS_SERVER_ROOTS;

use super::failure::{Failure, Result};
use crate::deadline::within;
use crate::domain::Error;

/// The maximum size of an answer in bytes. A page of a hundred repositories has about 600 KB.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// The `User-Agent`. GitHub answers 403 to a request without one.
const SERVICE_NAME: &str = "terrapi";

/// Time limits of a call.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// One attempt, from connecting to the last byte.
    pub attempt: Duration,
    /// A call with its retries and waits.
    pub call: Duration,
    /// The longest wait that a provider may ask for.
    pub pause: Duration,
}

impl AnswerLimits {
    /// The maximum number of attempts of a call.
    const ATTEMPTS: u32 = 3;
}

impl Default for AnswerLimits {
    /// A page of a listing takes GitHub one to two seconds. A call also ends with the deadline of its invocation.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(5), call: Duration::from_secs(9), pause: Duration::from_secs(3) }
    }
}

/// Waits for a duration. A test injects its own, which records the duration instead.
pub type Pause = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Waits by the system clock.
pub fn real_pause() -> Pause {
    Arc::new(|wait| Box::pin(tokio::time::sleep(wait)))
}

/// One client for both providers.
pub struct Http {
    client: Client,
    limits: AnswerLimits,
    pause: Pause,
}

impl Http {
    /// Creates the client without sending anything.
    pub fn new(limits: AnswerLimits, pause: Pause) -> crate::domain::Result<Self> {
        let no_tls = |error| Error::internal("setting up TLS", error);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().map_err(no_tls)?;
        let mozilla: RootCertStore = TLS_SERVER_ROOTS.iter().cloned().collect();
        let client = Client::builder()
            .tls_backend_preconfigured(tls.with_root_certificates(mozilla).with_no_client_auth())
            .user_agent(SERVICE_NAME)
            // A redirect would carry the token to another address.
            .redirect(Policy::none())
            .no_proxy()
            .timeout(limits.attempt)
            .build()
            .map_err(|error| Error::internal("setting up HTTP", error))?;
        Ok(Self { client, limits, pause })
    }

    /// Sends a request and returns the answer, unless the provider is unavailable or its rate limit is exceeded.
    ///
    /// # Errors
    /// [`Failure::Busy`] if the provider asks for a longer wait than allowed. [`Failure::Unavailable`] if there is no
    /// answer in time, or a 5xx.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = timeout(within(self.limits.call), self.send_with_retries(&request)).await;
        answer.unwrap_or_else(|_| Err(Failure::unavailable("no answer in time")))
    }

    async fn send_with_retries(&self, request: &Request<Bytes>) -> Result<Response<Bytes>> {
        let mut attempts = 1;
        loop {
            let answer = self.attempt(request).await?;
            let (status, wait) = match judge(&answer, attempts) {
                Outcome::Answer => return Ok(answer),
                Outcome::Retry(wait) => (answer.status(), wait),
            };
            if let Some(wait) = wait.filter(|wait| *wait > self.limits.pause) {
                return Err(Failure::Busy(wait));
            }
            let wait = wait.filter(|_| attempts < AnswerLimits::ATTEMPTS);
            let Some(wait) = wait.filter(|_| request.method().is_safe()) else {
                return Err(Failure::unavailable(format!("the provider answered {status}")));
            };
            (self.pause)(wait).await;
            attempts += 1;
        }
    }

    async fn attempt(&self, request: &Request<Bytes>) -> Result<Response<Bytes>> {
        let failed = |error: reqwest::Error| Failure::unavailable(error.without_url());
        let answer = self.client.execute(request.clone().try_into().map_err(failed)?).await.map_err(failed)?;
        let (parts, body) = Response::<reqwest::Body>::from(answer).into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(Failure::Unavailable)?;
        Ok(Response::from_parts(parts, body.to_bytes()))
    }
}

/// What the status and the headers of an answer mean.
enum Outcome {
    /// The answer of the resource, for the caller to judge.
    Answer,
    /// The provider is unavailable, or its rate limit is exceeded. Carries the wait before a retry, if one makes sense.
    Retry(Option<Duration>),
}

fn judge(answer: &Response<Bytes>, attempts: u32) -> Outcome {
    let (status, headers) = (answer.status(), answer.headers());
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            let own = Duration::from_millis(200) * 2_u32.pow(attempts - 1);
            Outcome::Retry(Some(retry_after(headers).unwrap_or(own)))
        }
        StatusCode::TOO_MANY_REQUESTS => Outcome::Retry(requested_wait(headers)),
        // GitHub answers 403 both for missing permission and for an exceeded rate limit.
        StatusCode::FORBIDDEN if headers.contains_key(RETRY_AFTER) || limit_exceeded(headers) => {
            Outcome::Retry(requested_wait(headers))
        }
        status if status.is_server_error() => Outcome::Retry(None),
        _ => Outcome::Answer,
    }
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

const REMAINING: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-remaining"), HeaderName::from_static("ratelimit-remaining")];
const RESET: [HeaderName; 2] =
    [HeaderName::from_static("x-ratelimit-reset"), HeaderName::from_static("ratelimit-reset")];

fn limit_exceeded(headers: &HeaderMap) -> bool {
    REMAINING.iter().any(|name| number(headers, name) == Some(0))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, &RETRY_AFTER).map(Duration::from_secs)
}

/// `Retry-After`, else the time until the epoch second at which the limit is reset. The latter is measured from the
/// `Date` of the answer, because our clock and the provider's may differ.
fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let until_reset = || {
        let reset = RESET.iter().find_map(|name| number(headers, name))?;
        let date = rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?;
        let now = u64::try_from(date.timestamp().as_second()).ok()?;
        Some(Duration::from_secs(reset.saturating_sub(now)))
    };
    retry_after(headers).or_else(until_reset)
}
