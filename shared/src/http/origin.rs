//! The origin of a request, and links to it.

use std::convert::Infallible;
use std::net::Ipv6Addr;

use axum::extract::FromRequestParts;
use http::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use http::request::Parts;
use http::uri::{Authority, Scheme};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::runtime::App;

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The scheme, host and path of a request as the client sees them.
pub struct Origin {
    base: String,
    path: String,
}

impl Origin {
    pub fn of(parts: &Parts, app: &App) -> Self {
        let base = app.settings.public_base_url.clone().unwrap_or_else(|| called(&parts.headers));
        Self { base, path: parts.uri.path().to_owned() }
    }

    /// Scheme and host, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The path of the request, as it was sent.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether this is plain HTTP on the client's own machine.
    pub fn is_plain_loopback(&self) -> bool {
        let Some(authority) = self.base.strip_prefix("http://") else { return false };
        Authority::try_from(authority).is_ok_and(|authority| is_loopback(authority.host()))
    }

    /// Whether, according to the browser's headers, a page of this origin sent the request. A page cannot forge these
    /// headers. A client that is not a browser can, but it has no cookie of another user.
    pub fn sent(&self, headers: &HeaderMap) -> bool {
        let base = normalized(&self.base);
        let own = |value: &HeaderValue| value.to_str().ok().and_then(normalized).is_some_and(|sent| Some(sent) == base);
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
    /// The URL of a path, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

/// The value of a header. `None` if there are several.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The scheme and host as the client sees them. A scheme other than `http` and `https` and an invalid host are ignored,
/// because links and redirect URIs contain both.
fn called(headers: &HeaderMap) -> String {
    let first = |name: &str| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
    let told = |name: &str| first(name).and_then(authority);
    let host = told("x-forwarded-host").or_else(|| told(HOST.as_str()));
    let host = host.unwrap_or_else(|| Authority::from_static("localhost"));
    let plain = if is_loopback(host.host()) { Scheme::HTTP } else { Scheme::HTTPS };
    written(&first("x-forwarded-proto").and_then(scheme).unwrap_or(plain), &host)
}

/// `http` or `https`, in any case.
fn scheme(text: &str) -> Option<Scheme> {
    [Scheme::HTTP, Scheme::HTTPS].into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
}

/// A host name, an IPv4 address, or an IPv6 address in brackets, each with an optional port (RFC 3986 §3.2). User
/// information and characters that no host contains are refused.
fn authority(text: &str) -> Option<Authority> {
    let authority = Authority::try_from(text).ok()?;
    let host = authority.host();
    let name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let known = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && name(host),
    };
    let rest = text.strip_prefix(host)?;
    let whole = rest.is_empty() || authority.port_u16().is_some();
    (known && whole).then_some(authority)
}

/// `scheme://host` or `scheme://host:port` as browsers write it (RFC 6454 §6.2): in lower case, without the scheme's
/// default port.
fn written(scheme: &Scheme, authority: &Authority) -> String {
    let own_port = if *scheme == Scheme::HTTP { 80 } else { 443 };
    let port = authority.port_u16().filter(|port| *port != own_port);
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    format!("{scheme}://{}{port}", authority.host().to_ascii_lowercase())
}

/// An origin as browsers write it, for comparison. `None` if the text is not an origin.
fn normalized(origin: &str) -> Option<String> {
    let (scheme_text, rest) = origin.split_once("://")?;
    Some(written(&scheme(scheme_text)?, &authority(rest)?))
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

/// `Link: <…>; rel="next"` to the same path with other parameters (RFC 8288).
pub(super) fn next_link(origin: &Origin, params: &[(&str, String)]) -> Option<HeaderValue> {
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
    fn only_plain_http_on_localhost_omits_secure() {
        for base in ["http://localhost", "http://localhost:9000", "http://127.0.0.1:9000", "http://[::1]:1"] {
            assert!(origin(base).is_plain_loopback(), "{base}");
        }
        for base in ["https://localhost", "http://localhost.example.com", "http://127.0.0.1.nip.io:80", "http://a:1"] {
            assert!(!origin(base).is_plain_loopback(), "{base}");
        }
    }

    #[test]
    fn same_origin_page_is_distinguished_from_others() {
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

    #[test]
    fn forwarded_origin_is_used_only_when_valid() {
        let table: [(&[(&str, &str)], &str); 24] = [
            (&[], "http://localhost"),
            (&[("host", "api.example.com")], "https://api.example.com"),
            (&[("host", "API.Example.com:8443")], "https://api.example.com:8443"),
            (&[("host", "api.example.com:443")], "https://api.example.com"),
            (&[("host", "api.example.com:80"), ("x-forwarded-proto", "http")], "http://api.example.com"),
            (&[("host", "api.example.com:80"), ("x-forwarded-proto", "https")], "https://api.example.com:80"),
            (&[("host", "localhost:9000")], "http://localhost:9000"),
            (&[("host", "127.0.0.1:9000")], "http://127.0.0.1:9000"),
            (&[("host", "[::1]:9000")], "http://[::1]:9000"),
            (&[("host", "localhost.example.com")], "https://localhost.example.com"),
            (&[("host", "a.test"), ("x-forwarded-proto", "HTTPS")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-proto", "Http")], "http://a.test"),
            (&[("host", "a.test"), ("x-forwarded-proto", "http, https")], "http://a.test"),
            (&[("host", "a.test"), ("x-forwarded-proto", "ftp")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-proto", "javascript")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-proto", "")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "b.test")], "https://b.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "b.test, c.test")], "https://b.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "evil\"><script>")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "u@h")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "h/path")], "https://a.test"),
            (&[("host", "a.test"), ("x-forwarded-host", "h:99999")], "https://a.test"),
            (&[("host", "u:p@h"), ("x-forwarded-host", "h?q")], "http://localhost"),
            (&[("host", "a.test"), ("x-forwarded-host", "[::1")], "https://a.test"),
        ];
        for (sent, expected) in table {
            assert_eq!(called(&headers(sent)), expected, "{sent:?}");
        }
        for bad in ["", ":", ":80", "h:", "h:x", "h#f", "h h", "h;x", "h,g", "[zz]", "[::1]x", "ä.test", "h%41", "h\\x"]
        {
            assert_eq!(authority(bad), None, "{bad}");
        }
    }

    #[test]
    fn default_ports_are_dropped_before_origins_are_compared() {
        let secure = origin("https://api.example.com:443");
        for own in ["https://api.example.com", "https://api.example.com:443", "HTTPS://api.example.com"] {
            assert!(secure.sent(&headers(&[("origin", own)])), "{own}");
        }
        for foreign in ["https://api.example.com:80", "http://api.example.com:443", "https://api.example.com/"] {
            assert!(!secure.sent(&headers(&[("origin", foreign)])), "{foreign}");
        }
        assert!(origin("http://a.test").sent(&headers(&[("origin", "http://a.test:80")])));
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
