//! What the process counts and measures, in the text format of Prometheus; and the log line of a request.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    function: &'static str,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Named {
    function: &'static str,
}

/// The metrics of the process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Families>);

struct Families {
    registry: Registry,
    requests: Family<Answered, Counter>,
    duration: Family<Named, Histogram>,
    running: Gauge,
    delivered: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let requests = Family::<Answered, Counter>::default();
        registry.register("terrapi_requests", "Requests that were answered", requests.clone());
        // 0.5 ms to 16 s.
        let duration =
            Family::<Named, Histogram>::new_with_constructor(|| Histogram::new(exponential_buckets(0.0005, 2.0, 16)));
        registry.register("terrapi_request_duration_seconds", "Duration of requests", duration.clone());
        let running = Gauge::default();
        registry.register("terrapi_requests_running", "Requests that are being answered", running.clone());
        let delivered = Counter::default();
        registry.register(
            "terrapi_stream_records",
            "Changes of the tables that the worker processed",
            delivered.clone(),
        );
        Self(Arc::new(Families { registry, requests, duration, running, delivered }))
    }
}

impl Metrics {
    /// Counts changes that the worker processed.
    pub fn delivered(&self, records: usize) {
        self.0.delivered.inc_by(records as u64);
    }

    /// The answer of `/metrics`.
    pub fn render(&self) -> Response {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.0.registry);
        ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
    }
}

/// A request from its arrival to its answer.
pub struct Observed {
    metrics: Metrics,
    function: &'static str,
    method: Method,
    path: String,
    begun: Instant,
}

impl Observed {
    pub fn begin(metrics: &Metrics, function: &'static str, request: &Request) -> Self {
        metrics.0.running.inc();
        let path = request.uri().path().to_owned();
        Self { metrics: metrics.clone(), function, method: request.method().clone(), path, begun: Instant::now() }
    }

    /// Counts and logs the request. Nothing of the query or the headers is logged: they may contain credentials.
    pub fn end(self, response: &Response) {
        let (status, elapsed) = (response.status().as_u16(), self.begun.elapsed());
        let families = &self.metrics.0;
        let method = method_label(&self.method);
        families.requests.get_or_create(&Answered { function: self.function, method, status }).inc();
        families.duration.get_or_create(&Named { function: self.function }).observe(elapsed.as_secs_f64());
        let id = response.headers().get("x-request-id").and_then(|id| id.to_str().ok());
        let duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        tracing::info!(target: "access", method = %self.method, path = self.path, status, duration_ms, id, "request");
    }
}

impl Drop for Observed {
    /// Also if the client went away before the answer.
    fn drop(&mut self) {
        self.metrics.0.running.dec();
    }
}

/// A client may invent methods, and each label is kept.
fn method_label(method: &Method) -> String {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) { method.to_string() } else { "other".to_owned() }
}
