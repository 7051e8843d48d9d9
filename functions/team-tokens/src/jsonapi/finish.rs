//! What every answer has, wherever it comes from.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use terrapi::runtime::App;

use super::{MEDIA_TYPE, Problem};

/// The version of the API that clients find here: it decides which of their features they use.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("tfp-api-version"), HeaderValue::from_static("2.5"));
const APP_NAME: HeaderName = HeaderName::from_static("tfp-appname");

/// Gives an answer its headers, and a failure that did not come from a handler the shape of the others: unknown paths,
/// unsupported methods, panics.
pub fn finish(app: &App, response: Response) -> Response {
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let ours = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == MEDIA_TYPE);
    let mut response = if failed && !ours { reshaped(&response) } else { response };
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

fn reshaped(response: &Response) -> Response {
    let status = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::FORBIDDEN => StatusCode::NOT_FOUND,
        status => status,
    };
    let mut problem = Problem::of(status).into_response();
    for (name, value) in response.headers() {
        if name.as_str().starts_with("x-") || name.as_str().starts_with("ratelimit-") || name == RETRY_AFTER {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// The fields under the names these clients know. The limit is what may be sent a second, and the reset is in seconds to
/// wait, never an instant: clients sleep for exactly that long.
fn rate_fields(app: &App, headers: &mut HeaderMap) {
    let Some(limit) = app.settings.rates.principals.as_ref().map(terrapi::domain::rate::Limit::per_second_rate) else {
        return;
    };
    let figure =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let remaining = figure("ratelimit-remaining").unwrap_or(limit).clamp(0, limit);
    let wait = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let reset = wait.or_else(|| figure("ratelimit-reset")).unwrap_or(0_i64);
    for (name, figure) in [("limit", limit), ("remaining", remaining), ("reset", reset)] {
        if let Ok(name) = HeaderName::try_from(format!("x-ratelimit-{name}")) {
            headers.insert(name, HeaderValue::from(figure));
        }
    }
}
