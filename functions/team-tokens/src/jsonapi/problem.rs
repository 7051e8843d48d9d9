//! Problems: the answers to requests that fail. And the headers of all answers.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use terrapi::domain::rate::Limit;
use terrapi::domain::{Code, Error};
use terrapi::http::{RenderedFailure, Rendering, log_failure};
use terrapi::runtime::App;
use utoipa::ToSchema;

use super::document::MEDIA_TYPE;

/// The version of the API. Clients choose their features by it.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("tfp-api-version"), HeaderValue::from_static("2.5"));
const APP_NAME: HeaderName = HeaderName::from_static("tfp-appname");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// The body of every failure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"errors": [{"status": "422", "title": "invalid attribute",
    "detail": "Expired at is not an ISO 8601 date and time", "source": {"pointer": "/data/attributes/expired-at"}}]}))]
pub struct ErrorDocument {
    /// At least one.
    #[schema(min_items = 1)]
    errors: Vec<ErrorObject>,
}

/// What is wrong.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorObject {
    /// The HTTP status, as a text.
    #[schema(pattern = "^[45][0-9]{2}$")]
    status: String,
    /// The kind of problem: one for each status, two for 422.
    title: String,
    /// What is wrong with this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Where it is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<Source>,
}

/// The wrong part of a request: a JSON pointer into the body (RFC 6901), or the name of a query parameter.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// In the body.
    #[schema(title = "SourceInBody")]
    Pointer(&'static str),
    /// In the query.
    #[schema(title = "SourceInQuery")]
    Parameter(&'static str),
}

/// A request that fails.
#[derive(Debug)]
pub struct Problem {
    error: Arc<Error>,
    /// Replaces the title of the failure's status.
    title: Option<&'static str>,
    source: Option<Source>,
}

impl Problem {
    /// The resource does not exist, or the caller may not see or use it.
    pub fn not_found() -> Self {
        Error::NotFound.into()
    }

    /// The body or the query cannot be parsed, or the service does not have what the request asks for.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Error::invalid_because(Code::InvalidBody, detail).into()
    }

    /// A query parameter is invalid.
    pub fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::from(Error::invalid_because(Code::InvalidQuery, detail));
        Self { source: Some(Source::Parameter(name)), ..problem }
    }

    /// A member of the body is invalid.
    pub fn attribute(pointer: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::from(Error::invalid_because(Code::InvalidAttribute, detail));
        Self { title: Some("invalid attribute"), source: Some(Source::Pointer(pointer)), ..problem }
    }

    /// Another token of the team has the description. Clients compare title and detail.
    pub fn description_taken() -> Self {
        let detail = "Validation failed: Description has already been taken";
        let problem = Self::from(Error::invalid_because(Code::InvalidAttribute, detail));
        Self { title: Some("invalid attributes"), ..problem }
    }

    /// The answer. Does not log the failure.
    pub fn rendered(self) -> Response {
        let Self { error, title, source } = self;
        let status = Rendering::JsonApi.status(error.code());
        let reason = || status.canonical_reason().unwrap_or_default().to_lowercase();
        let detail = if let Error::Invalid { data, .. } = &*error { data.clone() } else { None };
        let title = title.map_or_else(reason, str::to_owned);
        let object = ErrorObject { status: status.as_str().to_owned(), title, detail, source };
        let body = axum::Json(ErrorDocument { errors: vec![object] });
        Rendering::JsonApi.answer(&error, ([(CONTENT_TYPE, MEDIA_TYPE)], body))
    }
}

impl From<Arc<Error>> for Problem {
    fn from(error: Arc<Error>) -> Self {
        Self { error, title: None, source: None }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Arc::new(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        log_failure(&self.error);
        self.rendered()
    }
}

/// Adds the headers to an answer, and turns a failure that no handler produced (an unknown path, an unsupported method,
/// a panic) into JSON:API.
pub fn finish(app: &App, response: Response) -> Response {
    let mut response = reshaped(response);
    if response.status() == StatusCode::NO_CONTENT {
        response.headers_mut().remove(CONTENT_TYPE);
    }
    let headers = response.headers_mut();
    let (name, version) = VERSION;
    headers.insert(name, version);
    if let Ok(app_name) = HeaderValue::from_str(&app.settings.app_name) {
        headers.insert(APP_NAME, app_name);
    }
    rate_fields(app, headers);
    response
}

fn reshaped(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Some(RenderedFailure(error)) = parts.extensions.remove() else { return Response::from_parts(parts, body) };
    for of_the_body in [CONTENT_TYPE, CONTENT_LENGTH, CONTENT_ENCODING, ALLOW] {
        parts.headers.remove(of_the_body);
    }
    let mut problem = Problem::from(error).rendered();
    problem.headers_mut().extend(parts.headers);
    problem
}

/// Adds the rate limit headers under the names that these clients use. The limit is in requests per second. The reset
/// is a duration in seconds, for which clients sleep.
fn rate_fields(app: &App, headers: &mut HeaderMap) {
    let Some(limit) = app.settings.rates.principals.as_ref().map(Limit::per_second_rate) else { return };
    let figure = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    let remaining = figure("ratelimit-remaining").unwrap_or(limit).clamp(0, limit);
    let reset = figure("retry-after").or_else(|| figure("ratelimit-reset")).unwrap_or(0);
    let fields = [(LIMIT, limit), (REMAINING, remaining), (RESET, reset)];
    headers.extend(fields.map(|(name, figure)| (name, HeaderValue::from(figure))));
}
