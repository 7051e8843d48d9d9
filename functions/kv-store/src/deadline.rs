//! How long a request may take when storage is slow.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use terrapi::http::within;
use terrapi::progress::TimeLimit;

/// A write is tried for 5 s, and its last call takes a second at most. The function ends after 29 s.
const LIMIT: TimeLimit = TimeLimit {
    ordinary: Duration::from_secs(9),
    ordinary_records: 1_000,
    stall: Duration::from_secs(6),
    total: Duration::from_secs(25),
};

/// Bounds the time of a request. Only commits and work on every chunk of a key report progress, and so may take longer than
/// an ordinary request.
pub async fn deadline(request: Request, next: Next) -> Response {
    within(LIMIT, request, next).await
}
