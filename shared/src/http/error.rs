//! The only code that holds status codes: each [`Error`] has one.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Code, Error};

/// A failure on its way out.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl<E: Into<Error>> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The body of every failure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"id": "VERSION_MISMATCH", "data": "1790000000000"}))]
pub struct ErrorBody {
    /// A stable word. More may be added.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$")]
    pub id: &'static str,
    /// Text for people, or the value that the word is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub data: Option<String>,
}

/// Seconds after which a client may try again whom busy storage refused.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

fn status(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { code: Code::UnsupportedMediaType, .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::Invalid { code: Code::MethodNotAllowed, .. } => StatusCode::METHOD_NOT_ALLOWED,
        Error::Invalid { code: Code::SelectionTooLarge | Code::TooManyChunks, .. } | Error::TooLarge => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::Unauthenticated { .. } | Error::Forbidden { .. } => StatusCode::FORBIDDEN,
        Error::NotFound => StatusCode::NOT_FOUND,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn body(error: &Error) -> ErrorBody {
    let (code, data) = match error {
        Error::Invalid { code, data } => (*code, data.clone()),
        Error::Forbidden { code, missing } => (*code, missing.as_ref().map(ToString::to_string)),
        Error::NotFound => (Code::NotFound, None),
        Error::TooLarge => (Code::TooLarge, None),
        Error::RateLimited { .. } => (Code::RateLimited, None),
        Error::Unauthenticated { code } | Error::Unavailable { code, .. } => (*code, None),
        Error::Internal { .. } => (Code::Internal, None),
    };
    ErrorBody { id: code.as_str(), data }
}

/// RFC 6750 §3.1.
fn challenge(error: &Error) -> Option<HeaderValue> {
    match error {
        Error::Unauthenticated { .. } => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
        Error::Forbidden { code: Code::InsufficientScope, missing: Some(scope) } => {
            HeaderValue::from_str(&format!(r#"Bearer error="insufficient_scope", scope="{scope}""#)).ok()
        }
        _ => None,
    }
}

fn retry_after(error: &Error) -> Option<HeaderValue> {
    match error {
        Error::RateLimited { retry_after_seconds } => Some(HeaderValue::from(*retry_after_seconds)),
        Error::Unavailable { .. } => Some(RETRY_SECONDS),
        _ => None,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let status = status(&error);
        if status.is_server_error() {
            tracing::error!(error = %chain(&error), status = status.as_u16(), "request failed");
        }
        let mut response = (status, Json(body(&error))).into_response();
        let mut set = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        };
        set(WWW_AUTHENTICATE, challenge(&error));
        set(RETRY_AFTER, retry_after(&error));
        response
    }
}

/// The failure and everything below it, for the log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_its_status_code_and_headers() {
        let missing = Some("kv_store_read".into());
        let table: [(Error, u16, &str, Option<&str>); 9] = [
            (Error::invalid(Code::InvalidIdx), 400, "INVALID_IDX", None),
            (Error::invalid(Code::UnsupportedMediaType), 415, "UNSUPPORTED_MEDIA_TYPE", None),
            (Error::unauthenticated(), 403, "INVALID_TOKEN", Some(r#"Bearer error="invalid_token""#)),
            (
                Error::Forbidden { code: Code::InsufficientScope, missing },
                403,
                "INSUFFICIENT_SCOPE",
                Some(r#"Bearer error="insufficient_scope", scope="kv_store_read""#),
            ),
            (Error::NotFound, 404, "NOT_FOUND", None),
            (Error::TooLarge, 413, "TOO_LARGE", None),
            (Error::RateLimited { retry_after_seconds: 3 }, 429, "RATE_LIMITED", None),
            (Error::unavailable("away"), 503, "UNAVAILABLE", None),
            (Error::bug("ours"), 500, "INTERNAL", None),
        ];
        for (error, expected, id, expected_challenge) in table {
            assert_eq!((status(&error).as_u16(), body(&error).id), (expected, id));
            assert_eq!(challenge(&error).as_ref().and_then(|value| value.to_str().ok()), expected_challenge);
        }
    }

    #[test]
    fn retryable_errors_carry_retry_after() {
        let seconds = |error| retry_after(&error).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(seconds(Error::RateLimited { retry_after_seconds: 3 }).as_deref(), Some("3"));
        assert_eq!(seconds(Error::unavailable("away")).as_deref(), Some("1"));
        assert_eq!(seconds(Error::NotFound), None);
    }

    #[test]
    fn internal_details_are_not_in_the_body() {
        let answer = body(&Error::internal("reading table terrapi-kv", "secret upstream text"));
        assert_eq!((answer.id, answer.data), ("INTERNAL", None));
    }
}
