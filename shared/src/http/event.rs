//! Turns an event of any front end into a request.
//!
//! Four front ends call the same router. An HTTP API sends the path percent-**decoded**; a REST API, a function URL and
//! the local emulator send it **encoded**. The crate `lambda_http` uses the path as it is: it panics for a decoded
//! space, cuts the path at a decoded `?`, removes `.` and `..` segments (encoded ones too), and refuses an event with a
//! header that is not UTF-8. This module therefore converts events itself. In its result, every segment is encoded
//! exactly once.
//!
//! The resulting URI has only a path and a query. The origin that the client called is in the headers `host` and
//! `x-forwarded-proto`, which are always present.
//!
//! A broken escape that the *client* sent (`%zz`) is kept, so that routing and authentication come before the refusal.
//! Code that reads the path checks it with [`has_broken_escape`].

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use base64::Engine as _;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::gateway::{GatewayEvent, Payload, Text, header_value, method};
use crate::domain::{AuditAction, AuditEntry, AuditOutcome, Code, Error, KeyId, Millis, UserId};

/// What the front end says about the client. An extension of every request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address of the peer that the front end saw. `x-forwarded-for` is not used.
    pub source_ip: Option<String>,
    /// The `user-agent` header. (The emulator's event context always names the emulator.)
    pub user_agent: Option<String>,
}

impl ClientInfo {
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get().cloned().unwrap_or_default()
    }

    /// An audit entry for what this client did or tried.
    pub fn audited(
        self,
        at: Millis,
        (action, outcome): (AuditAction, AuditOutcome),
        actor: impl Into<Option<UserId>>,
        key: Option<KeyId>,
    ) -> AuditEntry {
        let Self { source_ip, user_agent } = self;
        AuditEntry {
            at,
            action,
            outcome,
            actor: actor.into(),
            key,
            created_by_key: None,
            limited_to: None,
            organization: None,
            subject: None,
            vcs: None,
            reason: None,
            source_ip,
            user_agent,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// The sender of the event. It determines whether the path is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontEnd {
    /// API Gateway HTTP API, payload 2.0: decoded.
    HttpApi,
    /// API Gateway REST API, payload 1.0: encoded.
    RestApi,
    /// Lambda function URL, payload 2.0: encoded.
    FunctionUrl,
    /// `cargo lambda watch`, payload 2.0: encoded.
    Emulator,
}

impl FrontEnd {
    /// Recognises the front end by values that a client cannot choose: the context of a function URL has its own
    /// domain, and only the emulator has `localhost` and no API id. Any other event with payload 2.0 is from an HTTP
    /// API, which may have a custom domain.
    fn of(payload: Payload, event: &GatewayEvent) -> Self {
        if payload == Payload::V1 {
            return Self::RestApi;
        }
        let context = &event.request_context;
        match context.domain_name.as_ref().map(|Text(domain)| domain.as_str()) {
            Some(domain) if domain.contains(".lambda-url.") => Self::FunctionUrl,
            Some("localhost") if context.api_id.is_none() => Self::Emulator,
            _ => Self::HttpApi,
        }
    }

    fn path_arrives_decoded(self) -> bool {
        matches!(self, Self::HttpApi)
    }
}

/// The reason why an event cannot be turned into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedEvent {
    /// Path and query are not a valid URI even if encoded: they are longer than 65,534 bytes.
    #[error("path and query are not usable as a URI")]
    Uri,
    /// The body is not base64, although the event says so.
    #[error("the body is announced as base64 and is not")]
    Body,
    /// The event is from an unknown front end.
    #[error("not an API Gateway or function URL event")]
    Unknown,
}

impl From<MalformedEvent> for Error {
    fn from(event: MalformedEvent) -> Self {
        Self::invalid_because(Code::MalformedRequest, event.to_string())
    }
}

/// The characters that an encoded path may not contain: all except RFC 3986 `pchar`, `/` and escapes.
const NOT_IN_ENCODED_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// As above, and the percent sign: in a decoded path it does not begin an escape.
const NOT_IN_DECODED_PATH: &AsciiSet = &NOT_IN_ENCODED_PATH.add(b'%');

/// Every front end sends the query encoded. This encodes characters that the client did not encode.
const NOT_IN_QUERY: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'`');

/// The header with the request's id, which every answer has.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Turns an event into a request for the router, with [`ClientInfo`] and [`FrontEnd`] as extensions.
///
/// # Errors
/// [`MalformedEvent`]. No event makes it panic.
pub fn into_request(event: GatewayEvent) -> Result<Request<Body>, MalformedEvent> {
    let payload = event.payload().ok_or(MalformedEvent::Unknown)?;
    let front_end = FrontEnd::of(payload, &event);
    let event = match payload {
        Payload::V1 => Event::from_v1(event),
        Payload::V2 => Event::from_v2(event),
    };
    let method = event.method.ok_or(MalformedEvent::Unknown)?;

    let uri = uri(front_end, event.stage.as_deref(), &event.path, &event.query)?;
    let mut headers = event.headers;
    if let Some(domain) = event.domain.and_then(|domain| HeaderValue::try_from(domain).ok()) {
        headers.entry(HOST).or_insert(domain);
    }
    let scheme = if front_end == FrontEnd::Emulator { "http" } else { "https" };
    headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static(scheme));
    // The id in the gateway's access log, unless the caller sent one.
    if let Some(id) = event.request_id.and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.entry(REQUEST_ID).or_insert(id);
    }
    let client = ClientInfo {
        source_ip: event.source_ip,
        user_agent: headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
    };
    let body = match event.body {
        None => Body::empty(),
        Some(text) if event.is_base64 => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(text);
            Body::from(bytes.map_err(|_| MalformedEvent::Body)?)
        }
        Some(text) => Body::from(text),
    };

    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(front_end);
    Ok(request)
}

/// Whether a `%` of this path or query is not followed by two hexadecimal digits.
pub fn has_broken_escape(text: &str) -> bool {
    let is_escape = |rest: &str| {
        let mut digits = rest.bytes();
        let mut hex = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        hex() && hex()
    };
    text.split('%').skip(1).any(|rest| !is_escape(rest))
}

/// The common content of both payload versions.
struct Event {
    method: Option<Method>,
    path: String,
    query: String,
    headers: HeaderMap,
    stage: Option<String>,
    domain: Option<String>,
    source_ip: Option<String>,
    request_id: Option<String>,
    body: Option<String>,
    is_base64: bool,
}

impl Event {
    fn from_v2(event: GatewayEvent) -> Self {
        let context = event.request_context;
        let http = context.http.unwrap_or_default();
        let mut headers = event.headers.unwrap_or_default().headers();
        // A gateway removes the cookies from the headers; the emulator keeps them there as well.
        let cookies: Vec<_> = event.cookies.unwrap_or_default().into_iter().map(|Text(cookie)| cookie).collect();
        if let Some(cookies) = header_value(Text(cookies.join("; "))).filter(|cookies| !cookies.is_empty()) {
            headers.insert(COOKIE, cookies);
        }
        Self {
            method: method(http.method),
            path: text(event.raw_path).unwrap_or_default(),
            query: text(event.raw_query_string).unwrap_or_default(),
            headers,
            stage: text(context.stage),
            domain: text(context.domain_name),
            source_ip: text(http.source_ip),
            request_id: text(context.request_id),
            body: text(event.body),
            is_base64: event.is_base64_encoded.unwrap_or(false),
        }
    }

    fn from_v1(event: GatewayEvent) -> Self {
        let context = event.request_context;
        // The single-value map has only the last of repeated headers. It adds missing headers and overwrites none.
        let mut headers = event.multi_value_headers.unwrap_or_default().headers();
        for (name, value) in &event.headers.unwrap_or_default().headers() {
            headers.entry(name).or_insert_with(|| value.clone());
        }
        let all = event.multi_value_query_string_parameters.filter(|all| !all.is_empty());
        let query = all.or(event.query_string_parameters).unwrap_or_default();
        Self {
            method: method(event.http_method),
            path: text(event.path).unwrap_or_default(),
            query: query.query(),
            headers,
            stage: text(context.stage),
            domain: text(context.domain_name),
            source_ip: text(context.identity.unwrap_or_default().source_ip),
            request_id: text(context.request_id),
            body: text(event.body),
            is_base64: event.is_base64_encoded.unwrap_or(false),
        }
    }
}

fn text(text: Option<Text>) -> Option<String> {
    text.map(|Text(text)| text)
}

/// The request's path and query, encoded exactly once.
fn uri(front_end: FrontEnd, stage: Option<&str>, path: &str, query: &str) -> Result<Uri, MalformedEvent> {
    let path = without_stage(stage, path);
    let path = path.strip_prefix('/').unwrap_or(path);
    let set = if front_end.path_arrives_decoded() { NOT_IN_DECODED_PATH } else { NOT_IN_ENCODED_PATH };
    let mut text = format!("/{}", utf8_percent_encode(path, set));
    if !query.is_empty() {
        text.push('?');
        text.extend(utf8_percent_encode(query, NOT_IN_QUERY));
    }
    let path_and_query = PathAndQuery::try_from(text).map_err(|_| MalformedEvent::Uri)?;
    Ok(Uri::from(path_and_query))
}

/// Removes the name of the stage, which an HTTP API puts before the path. A stage must not have the name of the first
/// segment of a route.
fn without_stage<'a>(stage: Option<&str>, path: &'a str) -> &'a str {
    match stage {
        None | Some("" | "$default") => path,
        Some(stage) => match path.strip_prefix('/').and_then(|rest| rest.strip_prefix(stage)) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
            _ => path,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_decoded_paths_are_encoded() {
        let table = [
            // (path, from an HTTP API, from anything else)
            ("/a b", "/a%20b", "/a%20b"),
            ("/a%20b", "/a%2520b", "/a%20b"),
            ("/a%b", "/a%25b", "/a%b"),
            ("/a?b#c", "/a%3Fb%23c", "/a%3Fb%23c"),
            ("/a//b/../c/.", "/a//b/../c/.", "/a//b/../c/."),
            ("/ä\u{7f}\n", "/%C3%A4%7F%0A", "/%C3%A4%7F%0A"),
            ("/a+b&c=d;e,f:@!$'()*", "/a+b&c=d;e,f:@!$'()*", "/a+b&c=d;e,f:@!$'()*"),
            ("//host/x", "//host/x", "//host/x"),
            ("", "/", "/"),
            ("x", "/x", "/x"),
        ];
        for (path, decoded, encoded) in table {
            assert_eq!(uri(FrontEnd::HttpApi, None, path, "").unwrap().path(), decoded, "{path:?}");
            for front_end in [FrontEnd::RestApi, FrontEnd::FunctionUrl, FrontEnd::Emulator] {
                assert_eq!(uri(front_end, None, path, "").unwrap().path(), encoded, "{path:?} {front_end:?}");
            }
        }
    }

    #[test]
    fn only_a_named_stage_is_removed_from_the_path() {
        let table = [
            (Some("dev"), "/dev/api/v1", "/api/v1"),
            (Some("dev"), "/dev", ""),
            (Some("dev"), "/device/x", "/device/x"),
            (Some("dev"), "/api/v1", "/api/v1"),
            (Some("$default"), "/$default/x", "/$default/x"),
            (None, "/dev/x", "/dev/x"),
        ];
        for (stage, path, expected) in table {
            assert_eq!(without_stage(stage, path), expected, "{stage:?} {path}");
        }
    }

    #[test]
    fn query_is_repaired_without_double_encoding() {
        let uri = |query| uri(FrontEnd::HttpApi, None, "/", query).unwrap();
        assert_eq!(uri("q=a%20b&x=+").query(), Some("q=a%20b&x=+"));
        assert_eq!(uri("q=a b#\u{1}ä").query(), Some("q=a%20b%23%01%C3%A4"));
        assert_eq!(uri("q=?%zz").query(), Some("q=?%zz"));
        assert_eq!(uri("").query(), None);
    }

    #[test]
    fn path_longer_than_a_uri_is_refused() {
        assert_eq!(uri(FrontEnd::HttpApi, None, &"/".repeat(70_000), ""), Err(MalformedEvent::Uri));
    }

    #[test]
    fn malformed_escape_is_detected() {
        for text in ["%", "a%2", "%zz", "%2g", "%%20", "%é"] {
            assert!(has_broken_escape(text), "{text}");
        }
        for text in ["", "a", "%20", "%25zz", "%c3%A9"] {
            assert!(!has_broken_escape(text), "{text}");
        }
    }
}
