//! The Lambda event loop: one event in, one answer out, until the sandbox ends.
//!
//! An ordinary function handles one event at a time; one with `AWS_LAMBDA_MAX_CONCURRENCY` handles several. Answers are
//! encoded here too, because the gateway's format allows one value per header and must be told whether the body is
//! text. Panics are handled by a layer of the router.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde::Serialize;
use tower::ServiceExt as _;

use super::incoming::Incoming;
use crate::deadline::Deadline;
use crate::domain::{Code, Error};
use crate::http::{ErrorBody, MalformedEvent, Payload, Rendering, Routes, into_request, lambda_service};
use crate::runtime::{App, Clock as _, SystemClock};

/// The maximum size of an answer's body as it appears in the JSON, in bytes: Lambda's 6 MiB without room for headers.
const MAX_ANSWER_BODY_BYTES: usize = 6 * 1024 * 1024 - 64 * 1024;

/// For a text of at least this many bytes, the shorter of plain text and base64 is used.
const LARGE_TEXT_BYTES: usize = 1024 * 1024;

/// Serves a function's routes until the sandbox ends. The connection to DynamoDB is opened before the first request.
///
/// Errors: as [`run`].
pub async fn serve(routes: Routes, app: App) -> Result<(), lambda_runtime::Error> {
    app.warm_up().await;
    run(lambda_service(routes, app)).await
}

/// Serves `router` until the sandbox ends.
///
/// Errors: the runtime API is unavailable, or the process does not run on Lambda.
pub async fn run(router: Router) -> Result<(), lambda_runtime::Error> {
    let service = service_fn(move |event: LambdaEvent<Incoming>| {
        let router = router.clone();
        async move { Ok::<_, Infallible>(invoke(router, event.payload, event.context).await) }
    });
    lambda_runtime::Runtime::new(service).run_concurrent().await
}

/// Passes one event to the router. The request carries the invocation's [`Context`] and its [`Deadline`] as extensions.
pub async fn invoke(router: Router, event: Incoming, context: Context) -> Answer {
    let request_id = context.request_id.clone();
    let Some(event) = event.0 else {
        return Answer::refusal(Payload::V2, MalformedEvent::Unknown, &request_id);
    };
    let payload = event.payload().unwrap_or(Payload::V2);
    let mut request = match into_request(event) {
        Ok(request) => request,
        Err(error) => return Answer::refusal(payload, error, &request_id),
    };
    if let Some(deadline) = Deadline::from_epoch_ms(context.deadline, SystemClock.now()) {
        request.extensions_mut().insert(deadline);
    }
    request.extensions_mut().insert(context);
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    Answer::from_response(payload, response, &request_id).await
}

/// An answer in the format of the gateway.
///
/// Shape: `{statusCode, headers, cookies, body, isBase64Encoded}` for payload 2.0, of which the emulator requires
/// `cookies`; `{statusCode, multiValueHeaders, body, isBase64Encoded}` for 1.0, because a gateway may refuse unknown
/// members.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    headers: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cookies: Option<Vec<String>>,
    body: String,
    is_base64_encoded: bool,
}

impl Answer {
    fn new(
        payload: Payload,
        status: StatusCode,
        headers: &HeaderMap,
        (body, is_base64_encoded): (String, bool),
    ) -> Self {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let all = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>();
        let mut answer = Self {
            status_code: status.as_u16(),
            headers: None,
            multi_value_headers: None,
            cookies: None,
            body,
            is_base64_encoded,
        };
        match payload {
            Payload::V1 => {
                let pairs = headers.keys().map(|name| (name.to_string(), all(name)));
                answer.multi_value_headers = Some(pairs.collect());
            }
            Payload::V2 => {
                let single = headers.keys().filter(|name| **name != SET_COOKIE);
                let pairs = single.map(|name| (name.to_string(), all(name).join(", ")));
                answer.headers = Some(pairs.collect());
                answer.cookies = Some(all(&SET_COOKIE));
            }
        }
        answer
    }

    async fn from_response(payload: Payload, response: Response<Body>, request_id: &str) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                tracing::error!(%error, request_id, "the body of an answer could not be read to its end");
                return Self::fault(payload, Code::AnswerBroken, request_id);
            }
        };
        let body = encode_body(&parts.headers, bytes.into());
        let size_bytes = body.0.len();
        if size_bytes > LARGE_TEXT_BYTES && escaped_bytes(&body.0) > MAX_ANSWER_BODY_BYTES {
            tracing::error!(size_bytes, request_id, "an answer is larger than Lambda allows");
            return Self::fault(payload, Code::AnswerTooLarge, request_id);
        }
        Self::new(payload, parts.status, &parts.headers, body)
    }

    /// 400 for an event that is not an HTTP request.
    fn refusal(payload: Payload, event: MalformedEvent, request_id: &str) -> Self {
        tracing::warn!(error = %event, request_id, "an event is not a valid HTTP request");
        Self::failure(payload, &event.into(), request_id)
    }

    /// 500 for an answer that cannot be sent.
    fn fault(payload: Payload, code: Code, request_id: &str) -> Self {
        let error = Error::Internal { code, context: "answering", source: None };
        Self::failure(payload, &error, request_id)
    }

    fn failure(payload: Payload, error: &Error, request_id: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert("x-request-id", id);
        }
        let body = serde_json::to_string(&ErrorBody::of(error)).unwrap_or_default();
        Self::new(payload, Rendering::Own.status(error.code()), &headers, (body, false))
    }
}

/// The body as text, or as base64 if it is compressed, not UTF-8, or a large text with many escapes.
fn encode_body(headers: &HeaderMap, bytes: Vec<u8>) -> (String, bool) {
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    if headers.contains_key(CONTENT_ENCODING) {
        return (base64(&bytes), true);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.len() > LARGE_TEXT_BYTES && escaped_bytes(&text) > text.len().div_ceil(3) * 4 => {
            (base64(text.as_bytes()), true)
        }
        Ok(text) => (text, false),
        Err(error) => (base64(error.as_bytes()), true),
    }
}

/// The length of `text` in a JSON string, without the quotes.
fn escaped_bytes(text: &str) -> usize {
    let width = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(width).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_bodies_stay_text_and_binary_ones_become_base64() {
        let plain = HeaderMap::new();
        let gzip = HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static("gzip"))]);
        assert_eq!(encode_body(&plain, b"{}".into()), ("{}".to_owned(), false));
        assert_eq!(encode_body(&gzip, b"{}".into()), ("e30=".to_owned(), true));
        assert_eq!(encode_body(&plain, vec![0xff]), ("/w==".to_owned(), true));
    }

    #[test]
    fn four_mebibytes_of_quotes_fit_into_a_response() {
        let (body, is_base64) = encode_body(&HeaderMap::new(), vec![b'"'; 4 * 1024 * 1024]);
        assert!(is_base64);
        assert!(body.len() < MAX_ANSWER_BODY_BYTES);
        let (_, is_base64) = encode_body(&HeaderMap::new(), vec![b'a'; 4 * 1024 * 1024]);
        assert!(!is_base64, "base64 would be longer");
    }

    #[test]
    fn escapes_are_counted_as_serde_json_writes_them() {
        let text = "a\"\\\n\r\t\u{8}\u{c}\u{0}\u{1f}é\u{7f}/";
        assert_eq!(escaped_bytes(text) + 2, serde_json::to_string(text).unwrap().len());
    }
}
