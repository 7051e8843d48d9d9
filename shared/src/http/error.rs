//! The status codes of failures, which no other code has: each [`Code`] has one in this service's own answers and one
//! in JSON:API answers.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Code, Error};

/// The failure of a request.
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
    /// A stable code. More codes may be added.
    #[schema(pattern = "^[A-Z][A-Z0-9_]*$")]
    pub id: &'static str,
    /// A text for people, or the value that the code refers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub data: Option<String>,
}

/// The value of `Retry-After` in seconds when storage is busy.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// How an answer reports a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendering {
    /// An [`ErrorBody`].
    Own,
    /// An error document of JSON:API. Its clients expect 401 without a usable credential, and 404 instead of 403 and
    /// 405.
    JsonApi,
}

impl Rendering {
    /// The status of a failure.
    pub const fn status(self, code: Code) -> StatusCode {
        let (own, json_api) = match code {
            Code::InvalidToken | Code::ApiKeyNotAccepted | Code::KeyRevoked => {
                (StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED)
            }
            Code::InsufficientScope
            | Code::InstallationForbidden
            | Code::InstallationInactive
            | Code::MembershipUnconfirmed
            | Code::RecordForbidden
            | Code::CrossOrigin
            | Code::AdministratorRequired
            | Code::ProviderRejected
            | Code::ProviderForbidden
            | Code::InvalidState
            | Code::SignInRefused => (StatusCode::FORBIDDEN, StatusCode::NOT_FOUND),
            Code::NotFound => both(StatusCode::NOT_FOUND),
            Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, StatusCode::NOT_FOUND),
            Code::MalformedRequest
            | Code::InvalidPath
            | Code::InvalidQuery
            | Code::InvalidBody
            | Code::InvalidKey
            | Code::InvalidIdx
            | Code::InvalidSelect
            | Code::InvalidCursor
            | Code::InvalidCapability
            | Code::CapabilityNotHeld
            | Code::LineageTooLong
            | Code::VersionMismatch
            | Code::CommitRefused
            | Code::CommitTooLarge => both(StatusCode::BAD_REQUEST),
            Code::InvalidAttribute => both(StatusCode::UNPROCESSABLE_ENTITY),
            Code::UnsupportedMediaType => both(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Code::TooLarge | Code::TooManyChunks | Code::SelectionTooLarge => both(StatusCode::PAYLOAD_TOO_LARGE),
            Code::RateLimited => both(StatusCode::TOO_MANY_REQUESTS),
            Code::Unavailable | Code::OutcomeUnknown => both(StatusCode::SERVICE_UNAVAILABLE),
            Code::Internal | Code::AnswerBroken | Code::AnswerTooLarge => both(StatusCode::INTERNAL_SERVER_ERROR),
        };
        match self {
            Self::Own => own,
            Self::JsonApi => json_api,
        }
    }

    /// The answer to a failure, with this body and the failure's status and headers.
    pub fn answer(self, error: &Error, body: impl IntoResponse) -> Response {
        let mut response = (self.status(error.code()), body).into_response();
        let mut set = |name: HeaderName, value: Option<HeaderValue>| {
            if let Some(value) = value {
                response.headers_mut().insert(name, value);
            }
        };
        set(WWW_AUTHENTICATE, self.challenge(error));
        set(RETRY_AFTER, retry_after(error));
        response
    }

    /// RFC 6750 §3.1. A JSON:API client is not told that a resource exists which it may not access.
    fn challenge(self, error: &Error) -> Option<HeaderValue> {
        match error {
            Error::Unauthenticated { .. } => Some(HeaderValue::from_static(r#"Bearer error="invalid_token""#)),
            Error::Forbidden { code: Code::InsufficientScope, missing: Some(scope) } if self == Self::Own => {
                HeaderValue::from_str(&format!(r#"Bearer error="insufficient_scope", scope="{scope}""#)).ok()
            }
            _ => None,
        }
    }
}

const fn both(status: StatusCode) -> (StatusCode, StatusCode) {
    (status, status)
}

impl ErrorBody {
    /// What the answer says about a failure.
    pub fn of(error: &Error) -> Self {
        let data = match error {
            Error::Invalid { data, .. } => data.clone(),
            Error::Forbidden { missing, .. } => missing.as_ref().map(ToString::to_string),
            _ => None,
        };
        Self { id: error.code().as_str(), data }
    }
}

fn retry_after(error: &Error) -> Option<HeaderValue> {
    match error {
        Error::RateLimited { retry_after_seconds } => Some(HeaderValue::from(*retry_after_seconds)),
        Error::Unavailable { .. } => Some(RETRY_SECONDS),
        _ => None,
    }
}

/// Logs a failure that the caller did not cause.
pub fn log_failure(error: &Error) {
    let status = Rendering::Own.status(error.code());
    if status.is_server_error() {
        tracing::error!(error = %chain(error), status = status.as_u16(), "request failed");
    }
}

/// The failure that an answer reports in this service's own rendering. An extension of the response, so that
/// `Routes::finished_by` can render it differently.
#[derive(Clone)]
pub struct RenderedFailure(pub Arc<Error>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Self(error) = self;
        log_failure(&error);
        let mut response = Rendering::Own.answer(&error, Json(ErrorBody::of(&error)));
        response.extensions_mut().insert(RenderedFailure(Arc::new(error)));
        response
    }
}

/// The failure and all its causes, for the log.
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

    /// Each code's status in our own answers and in JSON:API's.
    const STATUSES: [(Code, u16, u16); 41] = [
        (Code::InvalidToken, 403, 401),
        (Code::ApiKeyNotAccepted, 403, 401),
        (Code::KeyRevoked, 403, 401),
        (Code::InsufficientScope, 403, 404),
        (Code::InstallationForbidden, 403, 404),
        (Code::InstallationInactive, 403, 404),
        (Code::MembershipUnconfirmed, 403, 404),
        (Code::RecordForbidden, 403, 404),
        (Code::CrossOrigin, 403, 404),
        (Code::AdministratorRequired, 403, 404),
        (Code::ProviderRejected, 403, 404),
        (Code::ProviderForbidden, 403, 404),
        (Code::InvalidState, 403, 404),
        (Code::SignInRefused, 403, 404),
        (Code::NotFound, 404, 404),
        (Code::MethodNotAllowed, 405, 404),
        (Code::MalformedRequest, 400, 400),
        (Code::InvalidPath, 400, 400),
        (Code::InvalidQuery, 400, 400),
        (Code::InvalidBody, 400, 400),
        (Code::InvalidAttribute, 422, 422),
        (Code::InvalidKey, 400, 400),
        (Code::InvalidIdx, 400, 400),
        (Code::InvalidSelect, 400, 400),
        (Code::InvalidCursor, 400, 400),
        (Code::InvalidCapability, 400, 400),
        (Code::CapabilityNotHeld, 400, 400),
        (Code::LineageTooLong, 400, 400),
        (Code::VersionMismatch, 400, 400),
        (Code::CommitRefused, 400, 400),
        (Code::CommitTooLarge, 400, 400),
        (Code::UnsupportedMediaType, 415, 415),
        (Code::TooLarge, 413, 413),
        (Code::TooManyChunks, 413, 413),
        (Code::SelectionTooLarge, 413, 413),
        (Code::RateLimited, 429, 429),
        (Code::Unavailable, 503, 503),
        (Code::OutcomeUnknown, 503, 503),
        (Code::Internal, 500, 500),
        (Code::AnswerBroken, 500, 500),
        (Code::AnswerTooLarge, 500, 500),
    ];

    #[test]
    fn each_code_has_its_status_in_both_renderings() {
        assert_eq!(STATUSES.map(|(code, ..)| code).as_slice(), Code::ALL);
        for (code, own, json_api) in STATUSES {
            let statuses = [Rendering::Own, Rendering::JsonApi].map(|rendering| rendering.status(code).as_u16());
            assert_eq!(statuses, [own, json_api], "{code:?}");
        }
    }

    #[test]
    fn each_failure_has_its_word_and_challenge() {
        const INVALID: Option<&str> = Some(r#"Bearer error="invalid_token""#);
        const SCOPE: Option<&str> = Some(r#"Bearer error="insufficient_scope", scope="kv_store_read""#);
        let missing = Some("kv_store_read".into());
        // The word, and the challenge in our own answers and in JSON:API's.
        let table = [
            (Error::invalid(Code::InvalidIdx), "INVALID_IDX", None, None),
            (Error::unauthenticated(), "INVALID_TOKEN", INVALID, INVALID),
            (Error::Forbidden { code: Code::InsufficientScope, missing }, "INSUFFICIENT_SCOPE", SCOPE, None),
            (Error::NotFound, "NOT_FOUND", None, None),
            (Error::TooLarge, "TOO_LARGE", None, None),
            (Error::RateLimited { retry_after_seconds: 3 }, "RATE_LIMITED", None, None),
            (Error::unavailable("away"), "UNAVAILABLE", None, None),
            (Error::bug("ours"), "INTERNAL", None, None),
        ];
        for (error, id, own, json_api) in table {
            assert_eq!(ErrorBody::of(&error).id, id);
            let challenges = [Rendering::Own, Rendering::JsonApi].map(|rendering| rendering.challenge(&error));
            let challenges = challenges.each_ref().map(|value| value.as_ref().and_then(|value| value.to_str().ok()));
            assert_eq!(challenges, [own, json_api], "{error}");
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
        let answer = ErrorBody::of(&Error::internal("reading table terrapi-kv", "secret upstream text"));
        assert_eq!((answer.id, answer.data), ("INTERNAL", None));
    }
}
