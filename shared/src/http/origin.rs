//! Which origin links name, and the links themselves.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::{HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::runtime::App;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Scheme, host and path of the request as the client sees them.
pub struct Origin {
    base: String,
    path: String,
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let base = app.settings.public_base_url.clone().unwrap_or_else(|| called(&parts.headers));
        Ok(Self { base, path: parts.uri.path().to_owned() })
    }
}

fn called(headers: &HeaderMap) -> String {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let host = first("x-forwarded-host").or_else(|| first(HOST.as_str())).unwrap_or("localhost");
    let plain = host.starts_with("localhost") || host.starts_with("127.0.0.1");
    let scheme = first("x-forwarded-proto").unwrap_or(if plain { "http" } else { "https" });
    format!("{scheme}://{host}")
}

/// `Link: <…>; rel="next"` to the same path with other parameters (RFC 8288).
pub fn next_link(origin: &Origin, params: &[(&str, &str)]) -> Option<HeaderValue> {
    let query: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
    HeaderValue::from_str(&format!("<{}{}?{}>; rel=\"next\"", origin.base, origin.path, query.join("&"))).ok()
}
