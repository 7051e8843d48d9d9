//! The HTTP client towards providers: Mozilla's roots, a limit on every wait, and the few repetitions that are safe.
//!
//! A `GET` is repeated when the provider's front says that it is away (502, 503, 504) or that we are over its rate, and
//! only if the wait it asks for is short. Nothing else is: a code and a refresh token are good for one call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::fmt::rfc2822;
use tokio::time::timeout;

use super::failure::{Failure, Result};
use crate::deadline::within;
use crate::domain::Error;

/// An answer may have this many bytes: a page of a hundred repositories has about 600 KB.
const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Who is asking. GitHub refuses a request that does not say (403).
const OUR_NAME: HeaderValue = HeaderValue::from_static("terrapi");

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct AnswerLimits {
    /// One attempt, from connecting to the last byte.
    pub attempt: Duration,
    /// A call with its repetitions and pauses.
    pub call: Duration,
    /// The longest pause that a provider may ask for.
    pub pause: Duration,
}

impl AnswerLimits {
    /// How often a call is made at most.
    const ATTEMPTS: u32 = 3;
}

impl Default for AnswerLimits {
    /// A page of a listing takes GitHub a second or two. A call also ends with the invocation that it is made for.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(5), call: Duration::from_secs(9), pause: Duration::from_secs(3) }
    }
}

/// Waits. A test's own does not, and remembers for how long it should have.
pub type Pause = Arc<dyn Fn(Duration) -> BoxFuture<'static, ()> + Send + Sync>;

/// Waits by the machine's clock.
pub fn real_pause() -> Pause {
    Arc::new(|wait| Box::pin(tokio::time::sleep(wait)))
}

/// The client. One for both providers.
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    limits: AnswerLimits,
    pause: Pause,
}

impl Http {
    /// Nothing is sent yet.
    pub fn new(limits: AnswerLimits, pause: Pause) -> crate::domain::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let connector = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider);
        let connector = connector.map_err(|error| Error::internal("setting up TLS", error))?;
        let client = Client::builder(TokioExecutor::new()).build(connector.https_or_http().enable_http1().build());
        Ok(Self { client, limits, pause })
    }

    /// The answer, unless it only says that the provider is away or busy.
    ///
    /// # Errors
    /// [`Failure::Busy`]: over the rate for longer than we wait. [`Failure::Unavailable`]: no answer in time, or a 5xx.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = timeout(within(self.limits.call), self.repeat(&request)).await;
        answer.unwrap_or_else(|_| Err(Failure::away("no answer in time")))
    }

    async fn repeat(&self, request: &Request<Bytes>) -> Result<Response<Bytes>> {
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
                return Err(Failure::away(format!("it answers {status}")));
            };
            (self.pause)(wait).await;
            attempts += 1;
        }
    }

    async fn attempt(&self, request: &Request<Bytes>) -> Result<Response<Bytes>> {
        let (mut parts, body) = request.clone().into_parts();
        parts.headers.insert(USER_AGENT, OUR_NAME);
        let whole = async {
            let answer =
                self.client.request(Request::from_parts(parts, Full::new(body))).await.map_err(Failure::away)?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(Failure::Unavailable)?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(self.limits.attempt, whole).await.unwrap_or_else(|_| Err(Failure::away("no answer in time")))
    }
}

/// What an answer's head says.
enum Outcome {
    /// It is one, for whoever asked.
    Answer,
    /// The provider is away, or we are over its rate: when to ask again, if ever.
    Retry(Option<Duration>),
}

fn judge(answer: &Response<Bytes>, attempts: u32) -> Outcome {
    let (status, headers) = (answer.status(), answer.headers());
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            let own = Duration::from_millis(200) * 2_u32.pow(attempts - 1);
            Outcome::Retry(Some(retry_after(headers).unwrap_or(own)))
        }
        StatusCode::TOO_MANY_REQUESTS => Outcome::Retry(asked_wait(headers)),
        // GitHub says 403 both for "not you" and for "not so often".
        StatusCode::FORBIDDEN if headers.contains_key(RETRY_AFTER) || used_up(headers) => {
            Outcome::Retry(asked_wait(headers))
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

fn used_up(headers: &HeaderMap) -> bool {
    REMAINING.iter().any(|name| number(headers, name) == Some(0))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    number(headers, &RETRY_AFTER).map(Duration::from_secs)
}

/// `Retry-After`, else the epoch second at which the count starts over, held against the answer's own `Date`: our clock
/// and the provider's may differ.
fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let until_reset = || {
        let reset = RESET.iter().find_map(|name| number(headers, name))?;
        let date = rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?;
        let now = u64::try_from(date.timestamp().as_second()).ok()?;
        Some(Duration::from_secs(reset.saturating_sub(now)))
    };
    retry_after(headers).or_else(until_reset)
}
