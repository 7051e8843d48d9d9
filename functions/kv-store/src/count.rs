//! Counts the chunks of a key.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::Error;
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, PathParams, Query, RecordPath};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::get::read_query;

/// How many chunks there are. Indices may be sparse, so the highest is unrelated to the count.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvCount {
    /// At least 1.
    count: usize,
    /// The highest index counted.
    max_idx: u32,
}

/// Count the chunks of a key
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/count/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(RecordPath,
        ("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones")),
    responses((status = 200, body = KvCount), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn count_chunks(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvCount>, ApiError> {
    let chunks = app.store.list_chunks(read_query(&app, &caller, &query)?, &path.key()?).await?;
    let highest = chunks.iter().map(|chunk| chunk.address.idx.get()).max();
    Ok(Json(KvCount { count: chunks.len(), max_idx: highest.ok_or(Error::NotFound)? }))
}
