//! Sums the sizes of a key's chunks.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::Error;
use terrapi::domain::kv::{Address, Idx};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, PathParams, Query, RecordPath};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::get::read_query;

/// Bytes of the values' compact JSON text.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvSize {
    /// The sum.
    size: u64,
}

/// Sum the sizes of a key's chunks
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/size/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(RecordPath,
        ("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "One chunk; absent: all"), ("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones")),
    responses((status = 200, body = KvSize), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn sum_sizes(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvSize>, ApiError> {
    let (key, read) = (path.key()?, read_query(&app, &caller, &query)?);
    let sizes: Vec<u64> = match query.integer("idx")? {
        Some(idx) => {
            let record = app.store.peek_record(read, &Address { key, idx: Idx::new(idx)? }).await?;
            record.into_iter().map(|found| found.side.slot.size_bytes).collect()
        }
        None => app.store.list_chunks(read, &key).await?.iter().map(|found| found.side.slot.size_bytes).collect(),
    };
    if sizes.is_empty() {
        return Err(Error::NotFound.into());
    }
    Ok(Json(KvSize { size: sizes.iter().sum() }))
}
