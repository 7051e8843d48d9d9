//! Pages of other origins: which may call this service, and what their browsers are told (CORS).
//!
//! A page of the service's own origin needs none of this, so a deployment that lists no other has no such layer.

use std::time::Duration;

use http::header::{ETAG, HeaderMap, HeaderName, LINK, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::event::REQUEST_ID;
use super::origin::only;
use super::rate;
use crate::runtime::ListedOrigins;

/// How long a browser may remember a preflight's answer.
const REMEMBERED: Duration = Duration::from_hours(1);

/// What a page may read of an answer beside the few headers that it always may.
const EXPOSED: [HeaderName; 8] =
    [ETAG, LINK, RETRY_AFTER, WWW_AUTHENTICATE, rate::LIMIT, rate::REMAINING, rate::RESET, REQUEST_ID];

/// Whether a page of a listed origin sent the request.
pub(super) fn sent_by_listed(origins: &ListedOrigins, headers: &HeaderMap) -> bool {
    only(headers, ORIGIN.as_str()).is_some_and(|origin| origins.contains(origin))
}

/// What answers the preflights of listed origins' pages, and lets those read answers. None when no origin is listed.
pub(super) fn cors_layer(origins: &ListedOrigins) -> Option<CorsLayer> {
    origins.iter().next()?;
    let listed = origins.clone();
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_credentials(AllowCredentials::predicate(move |origin, _| listed.contains(origin)))
        // Which of them a route takes is for the route to say.
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(REMEMBERED)
        .vary([ORIGIN]);
    Some(layer)
}
