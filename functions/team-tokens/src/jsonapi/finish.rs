//! What every answer has, wherever it comes from.

use axum::response::Response;
use http::StatusCode;
use http::header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use terrapi::domain::rate::Limit;
use terrapi::http::RenderedFailure;
use terrapi::runtime::App;

use super::Problem;

/// The version of the API that clients find here: it decides which of their features they use.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("tfp-api-version"), HeaderValue::from_static("2.5"));
const APP_NAME: HeaderName = HeaderName::from_static("tfp-appname");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Gives an answer its headers, and a failure that did not come from a handler the shape of the others: unknown paths,
/// unsupported methods, panics.
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

/// The fields under the names these clients know. The limit is what may be sent a second, and the reset is in seconds to
/// wait, never an instant: clients sleep for exactly that long.
fn rate_fields(app: &App, headers: &mut HeaderMap) {
    let Some(limit) = app.settings.rates.principals.as_ref().map(Limit::per_second_rate) else { return };
    let figure = |name: &str| headers.get(name)?.to_str().ok()?.parse::<i64>().ok();
    let remaining = figure("ratelimit-remaining").unwrap_or(limit).clamp(0, limit);
    let reset = figure("retry-after").or_else(|| figure("ratelimit-reset")).unwrap_or(0);
    let fields = [(LIMIT, limit), (REMAINING, remaining), (RESET, reset)];
    headers.extend(fields.map(|(name, figure)| (name, HeaderValue::from(figure))));
}
