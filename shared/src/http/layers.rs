//! What every function puts around its routes.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::extract::{RawPathParams, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{HeaderName, HeaderValue};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};
use tower_http::decompression::RequestDecompressionLayer;
use tracing::Instrument;

use super::error::ApiError;
use super::openapi::Routes;
use crate::domain::{Code, Error, Vcs};
use crate::runtime::App;

/// The largest body, unpacked.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;
/// Answers above this many bytes are packed when the client accepts it.
const PACK_ABOVE_BYTES: u64 = 1024;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A function's whole service: its routes, errors for everything else, and what surrounds both.
pub fn service(routes: Routes, app: App) -> Router {
    let (router, _) = routes.split_for_parts();
    let around = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(app.clone(), request_id))
        .layer(CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(PACK_ABOVE_BYTES)))
        .layer(RequestDecompressionLayer::new().gzip(true).pass_through_unaccepted(true))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(CatchPanicLayer::custom(panicked));
    router
        .route_layer(middleware::from_fn(known_vcs))
        .fallback(|| async { ApiError(Error::NotFound) })
        .method_not_allowed_fallback(|| async { ApiError(Error::invalid(Code::MethodNotAllowed)) })
        .with_state(app)
        .layer(around)
}

/// Routing comes first: another word in place of `{vcs}` is an unknown path.
async fn known_vcs(params: RawPathParams, request: Request, next: Next) -> Response {
    let unknown = params.iter().any(|(name, value)| name == "vcs" && Vcs::parse(value).is_none());
    if unknown { ApiError(Error::NotFound).into_response() } else { next.run(request).await }
}

/// Gives each request an id, on its answer and on each of its log lines. The gateway's own is kept.
async fn request_id(State(app): State<App>, request: Request, next: Next) -> Response {
    let given = request.headers().get(&REQUEST_ID).filter(|id| id.len() <= 128).and_then(|id| id.to_str().ok());
    let id = given.map(str::to_owned).or_else(|| app.random.id().ok().map(|id| id.to_string())).unwrap_or_default();
    let span = tracing::info_span!("request", id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError(Error::corrupt("a handler panicked")).into_response()
}
