//! CORS: which pages of other origins may call this service.
//!
//! A page of the service's own origin does not need CORS. A deployment that lists no other origin has no CORS layer.

use std::time::Duration;

use http::header::{ETAG, HeaderMap, HeaderName, LINK, ORIGIN, RETRY_AFTER, WWW_AUTHENTICATE};
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::credential::charging as rate;
use super::event::REQUEST_ID;
use super::origin::only;
use crate::runtime::ListedOrigins;

/// How long a browser may cache the answer to a preflight request.
const REMEMBERED: Duration = Duration::from_hours(1);

/// The headers of an answer that a page may read, in addition to those that CORS always allows.
const EXPOSED: [HeaderName; 8] =
    [ETAG, LINK, RETRY_AFTER, WWW_AUTHENTICATE, rate::LIMIT, rate::REMAINING, rate::RESET, REQUEST_ID];

/// Whether a page of a listed origin sent the request.
pub(super) fn sent_by_listed(origins: &ListedOrigins, headers: &HeaderMap) -> bool {
    only(headers, ORIGIN.as_str()).is_some_and(|origin| origins.contains(origin))
}

/// The layer that answers preflight requests from listed origins and lets their pages read answers. `None` if no origin
/// is listed.
pub(super) fn cors_layer(origins: &ListedOrigins) -> Option<CorsLayer> {
    origins.iter().next()?;
    let listed = origins.clone();
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_credentials(AllowCredentials::predicate(move |origin, _| listed.contains(origin)))
        // Routing refuses a method that the route does not have.
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(EXPOSED)
        .max_age(REMEMBERED)
        .vary([ORIGIN]);
    Some(layer)
}
