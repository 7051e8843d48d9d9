//! Turns a request of the network into one as the functions expect it, and passes it to the function of its path.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, HOST, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, StatusCode, Uri, Version};
use terrapi::deadline::Deadline;
use terrapi::http::ClientInfo;
use tower::ServiceExt as _;

use crate::admission::Admission;
use crate::functions::Functions;
use crate::health::{self, Readiness};
use crate::metrics::{Metrics, Observed};

/// How long a request may take, as on AWS.
const TIME_LIMIT: Duration = Duration::from_secs(29);
/// Headers that a proxy sets. A client that connects directly must not.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// What every request needs.
pub struct Front {
    pub functions: Functions,
    pub admission: Admission,
    pub metrics: Metrics,
    pub readiness: Readiness,
    /// `http` or `https`: how clients connect to this process.
    pub scheme: &'static str,
    /// Whether the headers that a proxy sets are believed.
    pub trust_proxy: bool,
}

impl Front {
    /// The service of all paths.
    pub fn router(self) -> Router {
        Router::new().fallback(handle).with_state(Arc::new(self))
    }
}

async fn handle(
    State(front): State<Arc<Front>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    match request.uri().path() {
        "/metrics" => return front.metrics.render().into_response(),
        "/ready" => return health::ready(&front.readiness).await,
        _ => {}
    }
    let Some(function) = front.functions.find(request.uri().path()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let observed = Observed::begin(&front.metrics, function.name, &request);
    let http1 = request.version() <= Version::HTTP_11;
    let mut response = match tokio::time::timeout(TIME_LIMIT, front.admission.enter(request.headers())).await {
        Ok(Some(_room)) => {
            let request = front.as_the_functions_expect(request, peer);
            match function.router.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        _ => busy(),
    };
    observed.end(&response);
    if front.readiness.is_stopping() && http1 {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

impl Front {
    /// A request with only path and query in its URI, the headers that say which origin was called, and the extensions
    /// that the functions read.
    fn as_the_functions_expect(&self, mut request: Request, peer: SocketAddr) -> Request {
        // HTTP/2 has the host in the URI.
        let authority = request.uri().authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok());
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = path.map(Uri::from).unwrap_or_default();
        let headers = request.headers_mut();
        if let Some(authority) = authority {
            headers.insert(HOST, authority);
        }
        let source_ip = self.source_ip(headers, peer);
        if !self.trust_proxy {
            headers.remove(FORWARDED_HOST);
            headers.remove(FORWARDED_PROTO);
        }
        headers.entry(FORWARDED_PROTO).or_insert(HeaderValue::from_static(self.scheme));
        let user_agent = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        request.extensions_mut().insert(ClientInfo { source_ip: Some(source_ip), user_agent });
        request.extensions_mut().insert(Deadline::after(TIME_LIMIT));
        request
    }

    /// The client's address. A proxy appends the address that it saw to the header, so the last one is its own word.
    fn source_ip(&self, headers: &HeaderMap, peer: SocketAddr) -> String {
        let told = headers.get_all(FORWARDED_FOR).iter().next_back().and_then(|value| value.to_str().ok());
        let told = told.and_then(|addresses| addresses.rsplit(',').next()?.trim().parse::<std::net::IpAddr>().ok());
        told.filter(|_| self.trust_proxy).unwrap_or_else(|| peer.ip().to_canonical()).to_string()
    }
}

/// 503: there was no room for the request in time.
fn busy() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], axum::Json(serde_json::json!({"id": "UNAVAILABLE"})))
        .into_response()
}
