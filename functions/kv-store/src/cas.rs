//! Compares the version of a record, then sets it.

use axum::Json;
use axum::extract::State;
use terrapi::domain::kv::{Address, Expect, Idx, Version};
use terrapi::http::{ApiError, ErrorBody, InNamespace, JsonBody, KvStoreReadWrite, PathParams, RecordPath};
use terrapi::runtime::App;

use crate::record::{KvRecord, KvWrite};

/// Compare and set a record
///
/// A failed comparison is answered with 400 `VERSION_MISMATCH`; its `data` has the current version, or `absent`.
#[utoipa::path(put, path = "/api/v1/{vcs}/kv/{installation_id}/cas/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(RecordPath),
    request_body = KvWrite,
    responses((status = 200, body = KvRecord), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn cas_record(
    State(app): State<App>,
    caller: InNamespace<KvStoreReadWrite>,
    path: PathParams,
    JsonBody(body): JsonBody<KvWrite>,
) -> Result<Json<KvRecord>, ApiError> {
    let address = Address { key: path.key()?, idx: Idx::new(body.idx.unwrap_or(0))? };
    let expect = body.version.map_or(Expect::Absent, |version| Expect::Version(Version(version)));
    Ok(Json(body.write(&app, caller.namespace, address, expect, caller.caller()).await?))
}
