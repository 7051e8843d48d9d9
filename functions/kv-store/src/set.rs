//! Sets a record.

use axum::Json;
use axum::extract::State;
use terrapi::domain::kv::{Address, Expect, Idx};
use terrapi::http::{ApiError, ErrorBody, InNamespace, JsonBody, KvStoreWrite, PathParams, RecordPath};
use terrapi::runtime::App;

use crate::record::{KvRecord, KvWrite};

/// Set a record
///
/// Writes the record unconditionally. `committed: false` stages the value: readers see the old one until a commit.
#[utoipa::path(put, path = "/api/v1/{vcs}/kv/{installation_id}/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(RecordPath),
    request_body = KvWrite,
    responses((status = 200, body = KvRecord), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn set_record(
    State(app): State<App>,
    caller: InNamespace<KvStoreWrite>,
    path: PathParams,
    JsonBody(body): JsonBody<KvWrite>,
) -> Result<Json<KvRecord>, ApiError> {
    let address = Address { key: path.key()?, idx: Idx::new(body.idx.unwrap_or(0))? };
    Ok(Json(body.write(&app, caller.namespace, address, Expect::Anything, caller.caller()).await?))
}
