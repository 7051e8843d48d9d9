//! Limits the duration of a request when storage is slow.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use terrapi::http::within;

/// For a request about one record or one page.
const ONE_RECORD: Duration = Duration::from_secs(9);
/// For a commit, or a request about every chunk of a key: its work grows with their number. The function's timeout is
/// 29 s.
const MANY_RECORDS: Duration = Duration::from_secs(25);

/// Applies the limit that fits the request.
pub async fn deadline(request: Request, next: Next) -> Response {
    let limit = if is_for_many(&request) { MANY_RECORDS } else { ONE_RECORD };
    within(limit, request, next).await
}

fn is_for_many(request: &Request) -> bool {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let has_idx = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("idx=")));
    let deletes_all = request.method() == Method::DELETE && !has_idx;
    deletes_all || path.ends_with("/commit") || path.contains("/count/key/") || path.contains("/size/key/")
}
