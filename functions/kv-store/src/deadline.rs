//! Limits the duration of a request when storage is slow.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use terrapi::http::within;
use terrapi::progress::TimeLimit;

/// A write is retried for 5 s, and its last call takes at most a second. The function's timeout is 29 s.
const LIMIT: TimeLimit = TimeLimit {
    ordinary: Duration::from_secs(9),
    ordinary_records: 1_000,
    stall: Duration::from_secs(6),
    total: Duration::from_secs(25),
};

/// Limits the duration of a request. Only commits and work on every chunk of a key report progress, so only they may take
/// longer than an ordinary request.
pub async fn deadline(request: Request, next: Next) -> Response {
    within(LIMIT, request, next).await
}
