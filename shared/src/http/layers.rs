//! The layers around the routes of every function.

use std::any::Any;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_ENCODING, HeaderValue};
use percent_encoding::percent_decode_str;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};
use tower_http::decompression::RequestDecompressionLayer;
use tracing::Instrument;

use super::cors::cors_layer;
use super::credential::charging::rate_fields;
use super::error::ApiError;
use super::event::REQUEST_ID;
use super::routes::Routes;
use crate::deadline::Deadline;
use crate::domain::{Code, Error, Vcs};
use crate::runtime::App;

/// The maximum size of a decompressed body in bytes.
pub const MAX_BODY_BYTES: usize = 5 * 1024 * 1024;
/// Longer answers, in bytes, are compressed if the client accepts that.
const PACK_ABOVE_BYTES: u64 = 1024;

/// The service of a function: its routes, the errors for all other requests, and the layers around both.
pub fn lambda_service(routes: Routes, app: App) -> Router {
    let (paths, (), finish) = routes.into_parts();
    let around = ServiceBuilder::new()
        .layer(middleware::from_fn_with_state(app.clone(), request_id))
        .option_layer(cors_layer(&app.settings.listed_origins))
        .layer(middleware::from_fn(rate_fields))
        .layer(middleware::from_fn(in_time))
        .layer(CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(PACK_ABOVE_BYTES)))
        .map_request(plain_coding)
        .layer(RequestDecompressionLayer::new().gzip(true).pass_through_unaccepted(true))
        .map_request(|request: Request<_>| request.map(Body::new))
        .layer(CatchPanicLayer::custom(panicked));
    let service = paths
        .route_layer(middleware::from_fn(known_vcs))
        .fallback(|| async { ApiError(Error::NotFound) })
        .method_not_allowed_fallback(|| async { ApiError(Error::invalid(Code::MethodNotAllowed)) })
        .with_state(app.clone())
        .layer(around);
    match finish {
        Some(finish) => {
            service.layer(middleware::map_response(move |response| std::future::ready(finish(&app, response))))
        }
        None => service,
    }
}

/// Answers 503 before the invocation ends, even if the handler is still waiting. An interrupted write may have taken
/// effect.
async fn in_time(request: Request, next: Next) -> Response {
    let Some(deadline) = request.extensions().get::<Deadline>().copied() else { return next.run(request).await };
    let code = if request.method().is_safe() { Code::Unavailable } else { Code::OutcomeUnknown };
    let late = || Error::Unavailable { code, source: Some("the invocation's time is up".into()) };
    deadline.scope(next.run(request)).await.unwrap_or_else(|| ApiError(late()).into_response())
}

/// Normalises the name of the encoding: it may be in upper case, and gzip has an older name (RFC 9110 §8.4.1). The
/// layer that decompresses recognises only `gzip`.
fn plain_coding(mut request: Request) -> Request {
    if let Some(coding) = request.headers_mut().get_mut(CONTENT_ENCODING) {
        let gzip = [&b"gzip"[..], b"x-gzip"].iter().any(|name| coding.as_bytes().eq_ignore_ascii_case(name));
        if gzip {
            *coding = HeaderValue::from_static("gzip");
        }
    }
    request
}

/// Answers 404 if `{vcs}` is an unknown word, before authentication, as for any unknown path. Other segments are
/// checked after authentication.
async fn known_vcs(matched: MatchedPath, request: Request, next: Next) -> Response {
    let mut segments = matched.as_str().split('/').zip(request.uri().path().split('/'));
    let vcs = segments.find_map(|(name, segment)| (name == "{vcs}").then(|| percent_decode_str(segment)));
    let known = vcs.is_none_or(|vcs| vcs.decode_utf8().is_ok_and(|word| Vcs::parse(&word).is_some()));
    if known { next.run(request).await } else { ApiError(Error::NotFound).into_response() }
}

/// The maximum length in bytes of a request id that is kept.
const MAX_REQUEST_ID_BYTES: usize = 128;

/// Gives each request an id, which its answer and its log lines contain. An id from the caller or the gateway is kept
/// if it is visible ASCII without white space.
async fn request_id(State(app): State<App>, request: Request, next: Next) -> Response {
    let usable =
        |id: &&str| (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    let given = request.headers().get(&REQUEST_ID).and_then(|id| id.to_str().ok()).filter(usable);
    let id = given.map(str::to_owned).or_else(|| app.random.id().ok().map(|id| id.to_string())).unwrap_or_default();
    let span = tracing::info_span!("request", id, method = %request.method());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    ApiError(Error::bug("a handler panicked")).into_response()
}
