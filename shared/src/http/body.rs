//! JSON bodies, which are read straight into what a handler takes: no tree of values in between. And answers that carry a
//! secret.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::error::ApiError;
use super::json::read_json;
use super::layers::MAX_BODY_BYTES;
use crate::domain::{Code, Error, Result};

/// A body that must be there.
pub struct JsonBody<T>(pub T);

/// A body that may be missing. `null` is as good as none.
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let bytes = read(request).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = bytes(&parts.headers, body).await?;
        if matches!(bytes.trim_ascii(), b"" | b"null") {
            return Ok(Self(None));
        }
        media_type(&parts.headers)?;
        Ok(Self(Some(parse(&bytes)?)))
    }
}

/// A body of any media type, unpacked.
///
/// # Errors
/// It is over the limit, packed with something unknown, or breaks off.
pub async fn read_body(request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    bytes(&parts.headers, body).await
}

async fn read(request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    media_type(&parts.headers)?;
    bytes(&parts.headers, body).await
}

/// `application/json` with any parameters. An absent header is tolerated.
fn media_type(headers: &HeaderMap) -> Result<()> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Error::invalid_because(Code::UnsupportedMediaType, "the body must be application/json"))
}

/// The limit holds for the unpacked size: unpacking stops there.
async fn bytes(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    // The layer below unpacked what it knows and removed the header.
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::invalid_because(Code::UnsupportedMediaType, "the body may be packed with gzip alone"));
    }
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let cause = std::error::Error::source(&error);
        if cause.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            return Error::TooLarge;
        }
        Error::invalid_because(Code::InvalidBody, "the body could not be read")
    })
}

/// The whole text must be UTF-8: the parser alone does not look into members that nobody asked for.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::invalid_because(Code::InvalidBody, "the body is not UTF-8"))?;
    read_json(text)
}

/// For an optional member whose `null` is a value of its own.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An answer with a secret in its body or in a cookie: nobody on the way, the browser included, may keep it (RFC 9111
/// §5.2.2.5). Every answer that shows a secret is wrapped in this.
pub struct NoStore<R>(pub R);

impl<R: IntoResponse> IntoResponse for NoStore<R> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
