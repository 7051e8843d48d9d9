//! Limits the duration of a request.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use crate::domain::{Code, Error};
use crate::progress::TimeLimit;

/// Answers 503 if the request is not completed within `limit`. If the request may have changed something, the answer
/// says so.
pub async fn within(limit: TimeLimit, request: Request, next: Next) -> Response {
    let code = if request.method().is_safe() { Code::Unavailable } else { Code::OutcomeUnknown };
    let late = || ApiError(Error::Unavailable { code, source: None }).into_response();
    limit.run(next.run(request)).await.unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn;
    use axum::routing::any;
    use http::{Method, StatusCode};
    use tower::ServiceExt;

    use super::*;

    #[tokio::test]
    async fn timed_out_request_is_503_and_a_write_is_unknown() {
        let zero = Duration::ZERO;
        let limit = TimeLimit { ordinary: zero, ordinary_records: 0, stall: zero, total: zero };
        let late = move |request, next| within(limit, request, next);
        let router: Router = Router::new().route("/", any(std::future::pending::<()>)).layer(from_fn(late));
        for (method, code) in [(Method::GET, "UNAVAILABLE"), (Method::PUT, "OUTCOME_UNKNOWN")] {
            let request = Request::builder().method(method).uri("/").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            let body = to_bytes(response.into_body(), 1_000).await.unwrap();
            assert!(String::from_utf8_lossy(&body).contains(code), "{body:?}");
        }
    }
}
