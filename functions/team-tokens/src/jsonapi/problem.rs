//! Problems: what a caller is told when a request is not answered.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use terrapi::domain::{Code, Error};
use terrapi::http::{Rendering, log_failure};
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
    title: String,
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
    error: Arc<Error>,
    /// In place of the title of the failure's status.
    title: Option<&'static str>,
    source: Option<Source>,
}

impl Problem {
    /// Nothing is there, or nothing that the caller may see or use.
    pub fn not_found() -> Self {
        Error::NotFound.into()
    }

    /// The body or the query cannot be read, or the request asks for what does not exist here.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Error::invalid_because(Code::InvalidBody, detail).into()
    }

    /// A query parameter is refused.
    pub fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::from(Error::invalid_because(Code::InvalidQuery, detail));
        Self { source: Some(Source::Parameter(name)), ..problem }
    }

    /// A member of the body is refused.
    pub fn attribute(pointer: &'static str, detail: impl Into<String>) -> Self {
        let problem = Self::from(Error::invalid_because(Code::InvalidAttribute, detail));
        Self { title: Some("invalid attribute"), source: Some(Source::Pointer(pointer)), ..problem }
    }

    /// Another token of the team has the description. Clients compare both texts.
    pub fn description_taken() -> Self {
        let detail = "Validation failed: Description has already been taken";
        let problem = Self::from(Error::invalid_because(Code::InvalidAttribute, detail));
        Self { title: Some("invalid attributes"), ..problem }
    }

    /// The answer. It logs nothing.
    pub fn rendered(self) -> Response {
        let Self { error, title, source } = self;
        let status = Rendering::JsonApi.status(error.code());
        let reason = || status.canonical_reason().unwrap_or_default().to_lowercase();
        let detail = if let Error::Invalid { data, .. } = &*error { data.clone() } else { None };
        let title = title.map_or_else(reason, str::to_owned);
        let object = ErrorObject { status: status.as_str().to_owned(), title, detail, source };
        let body = axum::Json(ErrorDocument { errors: vec![object] });
        Rendering::JsonApi.answer(&error, ([(CONTENT_TYPE, MEDIA_TYPE)], body))
    }
}

impl From<Arc<Error>> for Problem {
    fn from(error: Arc<Error>) -> Self {
        Self { error, title: None, source: None }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Arc::new(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        log_failure(&self.error);
        self.rendered()
    }
}
