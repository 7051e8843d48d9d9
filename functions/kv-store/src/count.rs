//! Counts the chunks of a key.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::Error;
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, PathParams, Query};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::get::read_query;

/// The number of chunks. Indices may have gaps, so the highest index does not follow from the number.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvCount {
    /// At least 1.
    count: usize,
    /// The highest index among them.
    max_idx: u32,
}

/// Count the chunks of a key
///
/// 413 `TOO_MANY_CHUNKS` when there are more than 100,000.
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/count/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones")),
    responses((status = 200, body = KvCount), (status = 413, description = "`TOO_MANY_CHUNKS`: the key has more than 100,000 chunks", body = ErrorBody), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn count_chunks(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvCount>, ApiError> {
    let totals = app.store.sum_chunks(read_query(&app, &caller, &query)?, &path.key()?).await?;
    if totals.count == 0 {
        return Err(Error::NotFound.into());
    }
    Ok(Json(KvCount { count: totals.count, max_idx: totals.max_idx }))
}
