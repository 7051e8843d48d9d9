//! Which origin links name, and the links themselves.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::runtime::App;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Scheme, host and path of the request as the client sees them.
pub struct Origin {
    base: String,
    path: String,
}

impl Origin {
    /// The origin of a request.
    pub fn of(parts: &Parts, app: &App) -> Self {
        let base = app.settings.public_base_url.clone().unwrap_or_else(|| called(&parts.headers));
        Self { base, path: parts.uri.path().to_owned() }
    }

    /// Scheme and host, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The path that was called, as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether this is plain HTTP on the client's own machine.
    pub fn is_plain_loopback(&self) -> bool {
        let Some(authority) = self.base.strip_prefix("http://") else { return false };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        ["localhost", "127.0.0.1", "[::1]"].contains(&host)
    }

    /// Whether a page of this origin sent the request, as far as the browser says. What it says cannot be forged by a
    /// page; a client that is no browser has no cookie to lose.
    pub fn sent(&self, headers: &HeaderMap) -> bool {
        let own = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(self.base.as_bytes());
        only(headers, ORIGIN.as_str()).is_some_and(own)
            || only(headers, "sec-fetch-site").is_some_and(|value| value == "same-origin")
    }
}

impl FromRequestParts<App> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(parts, app))
    }
}

impl Origin {
    /// The address of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// The one value of a header; none of several.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
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
pub(super) fn next_link(origin: &Origin, params: &[(&str, &str)]) -> Option<HeaderValue> {
    let query: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY))).collect();
    HeaderValue::from_str(&format!("<{}{}?{}>; rel=\"next\"", origin.base, origin.path, query.join("&"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(base: &str) -> Origin {
        Origin { base: base.into(), path: "/".into() }
    }

    #[test]
    fn only_plain_http_on_this_very_machine_does_without_secure() {
        for base in ["http://localhost", "http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:1"] {
            assert!(origin(base).is_plain_loopback(), "{base}");
        }
        for base in ["https://localhost", "http://localhost.example.com", "http://127.0.0.1.nip.io:80", "http://a:1"] {
            assert!(!origin(base).is_plain_loopback(), "{base}");
        }
    }

    #[test]
    fn a_page_of_the_own_origin_is_told_from_every_other() {
        let origin = origin("https://api.example.com");
        let own = [("origin", "https://api.example.com"), ("origin", "https://API.example.com")];
        for header in own.into_iter().chain([("sec-fetch-site", "same-origin")]) {
            assert!(origin.sent(&headers(&[header])), "{header:?}");
        }
        let foreign: [&[(&str, &str)]; 8] = [
            &[],
            &[("origin", "null")],
            &[("origin", "http://api.example.com")],
            &[("origin", "https://api.example.com.evil.test")],
            &[("origin", "https://api.example.com"), ("origin", "https://evil.test")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "none")],
            &[("referer", "https://api.example.com/")],
        ];
        for sent in foreign {
            assert!(!origin.sent(&headers(sent)), "{sent:?}");
        }
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (http::HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }
}
