//! Sums the sizes of a key's chunks.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::Error;
use terrapi::domain::kv::{Address, Idx};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, PathParams, Query};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::get::read_query;

/// The sizes are in bytes of the values' compact JSON text.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvSize {
    /// The sum.
    size: u64,
}

/// Sum the sizes of a key's chunks
///
/// 413 `TOO_MANY_CHUNKS` when there are more than 100,000.
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/size/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "One chunk; absent: all"), ("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones")),
    responses((status = 200, body = KvSize), (status = 413, description = "`TOO_MANY_CHUNKS`: the key has more than 100,000 chunks", body = ErrorBody), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn sum_sizes(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvSize>, ApiError> {
    let (key, read) = (path.key()?, read_query(&app, &caller, &query)?);
    let size = match query.integer("idx")? {
        Some(idx) => {
            let record = app.store.peek_record(read, &Address { key, idx: Idx::new(idx)? }).await?;
            record.map(|found| found.side.slot.size_bytes)
        }
        None => Some(app.store.sum_chunks(read, &key).await?).filter(|sum| sum.count > 0).map(|sum| sum.size_bytes),
    };
    Ok(Json(KvSize { size: size.ok_or(Error::NotFound)? }))
}
