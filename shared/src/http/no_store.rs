//! Answers that carry a secret.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, HeaderValue};

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
