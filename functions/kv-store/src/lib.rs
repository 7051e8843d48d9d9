//! The key-value store: `/api/v1/{vcs}/kv/{installation_id}/…`.
//!
//! | path | methods |
//! |---|---|
//! | `/api/v1/{vcs}/kv/{installation_id}/cas/key/{key}` | PUT |
//! | `/api/v1/{vcs}/kv/{installation_id}/commit` | POST |
//! | `/api/v1/{vcs}/kv/{installation_id}/count/key/{key}` | GET |
//! | `/api/v1/{vcs}/kv/{installation_id}/iter/{key}` | GET |
//! | `/api/v1/{vcs}/kv/{installation_id}/key/{key}` | GET, PUT, DELETE |
//! | `/api/v1/{vcs}/kv/{installation_id}/size/key/{key}` | GET |

mod commit;
mod count;
mod cursor;
mod delete;
mod get;
mod iter;
mod record;
mod size;
mod value;
mod write;

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing;
use terrapi::http::{Description, Routes, within};
use terrapi::progress::TimeLimit;
use terrapi::routes;

/// A write is retried for 5 s, and its last call takes at most a second. The function's timeout is 29 s.
const LIMIT: TimeLimit = TimeLimit {
    ordinary: Duration::from_secs(9),
    ordinary_records: 1_000,
    stall: Duration::from_secs(6),
    total: Duration::from_secs(25),
};

/// A key is the rest of its path. The routes without a key answer that it is missing; that of `iter` lists all records.
pub fn routes<D: Description>() -> Routes<D> {
    const BASE: &str = "/api/v1/{vcs}/kv/{installation_id}";
    Routes::new()
        .routes(routes!(get::get_record, write::set_record, delete::delete_record))
        .routes(routes!(write::cas_record))
        .routes(routes!(count::count_chunks))
        .routes(routes!(size::sum_sizes))
        .routes(routes!(iter::iter_records))
        .routes(routes!(commit::commit_records))
        .route(
            &format!("{BASE}/key/"),
            routing::get(get::get_record).put(write::set_record).delete(delete::delete_record),
        )
        .route(&format!("{BASE}/cas/key/"), routing::put(write::cas_record))
        .route(&format!("{BASE}/count/key/"), routing::get(count::count_chunks))
        .route(&format!("{BASE}/size/key/"), routing::get(size::sum_sizes))
        .route(&format!("{BASE}/iter/"), routing::get(iter::iter_records))
        .layer(from_fn(deadline))
}

/// Limits the duration of a request. Only commits and work on every chunk of a key report progress, so only they may take
/// longer than an ordinary request.
async fn deadline(request: Request, next: Next) -> Response {
    within(LIMIT, request, next).await
}
