//! Problems: what a caller is told when a request is not answered.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use terrapi::domain::{Code, Error};
use terrapi::http::ApiError;
use utoipa::ToSchema;

use super::MEDIA_TYPE;

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
    /// The kind of problem; one for each status but two for 422.
    title: &'static str,
    /// What is wrong with this very request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    source: Option<Source>,
}

/// Where in a request something is wrong: a JSON pointer into the body (RFC 6901), or the name of a query parameter.
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

/// A request that is not answered.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: Option<String>,
    source: Option<Source>,
    /// What the log is told, and where the headers come from.
    cause: Option<Error>,
}

impl Problem {
    /// The problem of a status, without details.
    pub fn of(status: StatusCode) -> Self {
        Self { status, title: title(status), detail: None, source: None, cause: None }
    }

    /// 404: nothing is there, or nothing that the caller may see or use.
    pub fn not_found() -> Self {
        Self::of(StatusCode::NOT_FOUND)
    }

    /// 400
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..Self::of(StatusCode::BAD_REQUEST) }
    }

    /// 400 for a query parameter.
    pub fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Self { source: Some(Source::Parameter(name)), ..Self::bad_request(detail) }
    }

    /// 422 for one member of the body.
    pub fn attribute(pointer: &'static str, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into());
        Self { detail, source: Some(Source::Pointer(pointer)), ..Self::of(StatusCode::UNPROCESSABLE_ENTITY) }
    }

    /// 422 for a description that another token of the team has. Clients compare both texts.
    pub fn description_taken() -> Self {
        let detail = Some("Validation failed: Description has already been taken".to_owned());
        Self { title: "invalid attributes", detail, ..Self::of(StatusCode::UNPROCESSABLE_ENTITY) }
    }
}

/// The kind of problem that a status stands for.
fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "bad request",
        401 => "unauthorized",
        404 => "not found",
        413 => "payload too large",
        415 => "unsupported media type",
        422 => "invalid attribute",
        429 => "too many requests",
        503 => "service unavailable",
        _ => "internal server error",
    }
}

/// What these routes make of a failure: who is not known is 401, and who may not is told that nothing is there.
fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
        Error::NotFound | Error::Forbidden { .. } => StatusCode::NOT_FOUND,
        Error::Invalid { code: Code::UnsupportedMediaType, .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Error::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let detail = match &error {
            Error::Invalid { data, .. } => data.clone(),
            _ => None,
        };
        let problem = Self::of(status(&error));
        Self { detail, cause: Some(error), ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let error = ErrorObject {
            status: self.status.as_str().to_owned(),
            title: self.title,
            detail: self.detail,
            source: self.source,
        };
        let body = axum::Json(ErrorDocument { errors: vec![error] });
        let mut response = (self.status, [(CONTENT_TYPE, MEDIA_TYPE)], body).into_response();
        // The common shape of a failure logs it and knows when to come back.
        let common = self.cause.map(|cause| ApiError(cause).into_response());
        let told = if self.status == StatusCode::UNAUTHORIZED { WWW_AUTHENTICATE } else { RETRY_AFTER };
        if let Some(value) = common.as_ref().and_then(|common| common.headers().get(&told)) {
            response.headers_mut().insert(told, value.clone());
        }
        response
    }
}
