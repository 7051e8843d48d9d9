//! JSON bodies of requests, which are parsed directly into the type that a handler takes, and answers that contain a
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

/// A required JSON body.
pub struct JsonBody<T>(pub T);

/// An optional JSON body. An empty body and `null` count as absent.
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

/// The decompressed body of a request, of any media type.
///
/// # Errors
/// The body is too large, has an unknown content encoding, or is incomplete.
pub async fn read_body(request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    bytes(&parts.headers, body).await
}

async fn read(request: Request) -> Result<Bytes> {
    let (parts, body) = request.into_parts();
    media_type(&parts.headers)?;
    bytes(&parts.headers, body).await
}

/// Requires `application/json`, with any parameters. The header may be absent.
fn media_type(headers: &HeaderMap) -> Result<()> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    Err(Error::invalid_because(Code::UnsupportedMediaType, "the body must be application/json"))
}

/// Reads the body. Decompression stops at the limit.
async fn bytes(headers: &HeaderMap, body: Body) -> Result<Bytes> {
    // `layers.rs` decompresses the encodings that it knows, and removes the header.
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(Error::invalid_because(Code::UnsupportedMediaType, "the only supported content encoding is gzip"));
    }
    axum::body::to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
        let cause = std::error::Error::source(&error);
        if cause.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
            return Error::TooLarge;
        }
        Error::invalid_because(Code::InvalidBody, "the body could not be read")
    })
}

/// Checks that the whole text is UTF-8. The parser does not check members that it skips.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::invalid_because(Code::InvalidBody, "the body is not UTF-8"))?;
    read_json(text)
}

/// For an optional member whose `null` differs from its absence.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// An answer with a secret in its body or in a cookie. No cache may store it, not even the browser's (RFC 9111
/// §5.2.2.5).
pub struct NoStore<R>(pub R);

impl<R: IntoResponse> IntoResponse for NoStore<R> {
    fn into_response(self) -> Response {
        let mut response = self.0.into_response();
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
