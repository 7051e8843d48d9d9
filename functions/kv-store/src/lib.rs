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

mod cas;
mod commit;
mod count;
mod cursor;
mod data;
mod deadline;
mod delete;
mod get;
mod iter;
mod record;
mod set;
mod size;
mod value;

use axum::middleware::from_fn;
use axum::routing;
use terrapi::http::{Description, Routes};
use terrapi::routes;

/// A key is the rest of its path. The routes without a key answer that it is missing; that of `iter` lists all records.
pub fn routes<D: Description>() -> Routes<D> {
    const BASE: &str = "/api/v1/{vcs}/kv/{installation_id}";
    Routes::new()
        .routes(routes!(get::get_record, set::set_record, delete::delete_record))
        .routes(routes!(cas::cas_record))
        .routes(routes!(count::count_chunks))
        .routes(routes!(size::sum_sizes))
        .routes(routes!(iter::iter_records))
        .routes(routes!(commit::commit_records))
        .route(
            &format!("{BASE}/key/"),
            routing::get(get::get_record).put(set::set_record).delete(delete::delete_record),
        )
        .route(&format!("{BASE}/cas/key/"), routing::put(cas::cas_record))
        .route(&format!("{BASE}/count/key/"), routing::get(count::count_chunks))
        .route(&format!("{BASE}/size/key/"), routing::get(size::sum_sizes))
        .route(&format!("{BASE}/iter/"), routing::get(iter::iter_records))
        .layer(from_fn(deadline::deadline))
}
