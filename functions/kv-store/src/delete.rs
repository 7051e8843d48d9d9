//! Deletes a record, or every chunk of a key.

use axum::Json;
use axum::extract::State;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde::Serialize;
use terrapi::domain::kv::{Address, Expect, Idx, Refusal, Version, Write, WriteId, WriteKind};
use terrapi::domain::{Caller, Code, Error, Namespace, Result};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreReadWrite, PathParams, Query, RecordPath};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// How many chunks are deleted at once.
const DELETIONS: usize = 8;

/// Whether anything was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvDelete {
    /// At least one record is gone.
    result: bool,
}

/// Delete a record, or every chunk of a key
///
/// Without `idx` every chunk goes that the caller may write; 403 when that left none.
#[utoipa::path(delete, path = "/api/v1/{vcs}/kv/{installation_id}/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(RecordPath,
        ("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "One chunk; absent: all"), ("version" = Option<i64>, Query, description = "Only records of this version")),
    responses((status = 200, body = KvDelete), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_record(
    State(app): State<App>,
    caller: InNamespace<KvStoreReadWrite>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvDelete>, ApiError> {
    let (key, namespace) = (path.key()?, caller.namespace);
    let expect = query.integer("version")?.map_or(Expect::Anything, |version| Expect::Version(Version(version)));
    let addresses = match query.integer("idx")? {
        Some(idx) => vec![Address { key, idx: Idx::new(idx)? }],
        None => app.store.list_addresses(namespace, &key).await?,
    };
    let deletions = stream::iter(addresses).map(|address| delete(&app, namespace, address, expect, caller.caller()));
    let deletions: Vec<Result<(), Refusal>> = deletions.buffer_unordered(DELETIONS).try_collect().await?;
    let result = deletions.iter().any(Result::is_ok);
    if !result && deletions.contains(&Err(Refusal::NotWritable)) {
        return Err(Error::forbidden(Code::RecordForbidden).into());
    }
    Ok(Json(KvDelete { result }))
}

async fn delete(
    app: &App,
    namespace: Namespace,
    address: Address,
    expect: Expect,
    caller: &Caller,
) -> Result<Result<(), Refusal>> {
    let now = app.clock.now();
    let id = WriteId(app.random.timed_id(now)?);
    let write = Write { id, now, expect, kind: WriteKind::Delete, held: &caller.capabilities };
    Ok(app.store.write_record(namespace, &address, &write).await?.map(|_| ()))
}
