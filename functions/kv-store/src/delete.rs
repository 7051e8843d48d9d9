//! Deletes a record, or every chunk of a key.

use std::future::ready;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use futures::stream::StreamExt;
use serde::Serialize;
use terrapi::domain::kv::{Address, Expect, Idx, Key, Refusal, Version, Write, WriteId, WriteKind};
use terrapi::domain::{Caller, Code, Error, Namespace, Result};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreReadWrite, PathParams, Query};
use terrapi::progress::advance;
use terrapi::runtime::App;
use utoipa::ToSchema;

/// How many chunks are deleted concurrently.
const MAX_CONCURRENT_DELETIONS: usize = 16;

/// The result of the deletion.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvDelete {
    /// Whether at least one record was deleted.
    result: bool,
}

/// Delete a record, or every chunk of a key
///
/// Without `idx`, every chunk that the caller may write is deleted; 403 if there is none. Deleting a key with many thousand
/// chunks may take longer than a request: then the answer is 503 `OUTCOME_UNKNOWN`, and a repeated request continues. With
/// more than 100,000 chunks the answer is 413 `TOO_MANY_CHUNKS`, and nothing is deleted.
#[utoipa::path(delete, path = "/api/v1/{vcs}/kv/{installation_id}/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "One chunk; absent: all"), ("version" = Option<i64>, Query, description = "Only records of this version")),
    responses((status = 200, body = KvDelete), (status = 413, description = "`TOO_MANY_CHUNKS`: the key has more than 100,000 chunks", body = ErrorBody), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn delete_record(
    State(app): State<App>,
    caller: InNamespace<KvStoreReadWrite>,
    path: PathParams,
    query: Query,
) -> Result<Json<KvDelete>, ApiError> {
    let (key, namespace) = (path.key()?, caller.namespace);
    let expect = query.integer("version")?.map_or(Expect::Anything, |version| Expect::Version(Version(version)));
    let outcomes = match query.integer("idx")? {
        Some(idx) => {
            let address = Address { key, idx: Idx::new(idx)? };
            vec![delete(&app, namespace, address, expect, caller.caller()).await?]
        }
        None => delete_chunks(&app, namespace, &key, expect, caller.caller()).await?,
    };
    let result = outcomes.contains(&Ok(()));
    if !result && outcomes.contains(&Err(Refusal::NotWritable)) {
        return Err(Error::forbidden(Code::RecordForbidden).into());
    }
    Ok(Json(KvDelete { result }))
}

/// Deletes the chunks of a key while their addresses are read. Returns the distinct outcomes.
async fn delete_chunks(
    app: &App,
    namespace: Namespace,
    key: &Key,
    expect: Expect,
    caller: &Caller,
) -> Result<Vec<Result<(), Refusal>>> {
    let addresses = app.store.chunk_addresses(namespace, key).await?;
    let failed = AtomicBool::new(false);
    let addresses = addresses.take_while(|_| ready(!failed.load(Ordering::Relaxed)));
    let deletions = addresses.map(|address| async move { delete(app, namespace, address?, expect, caller).await });
    let mut deletions = pin!(deletions.buffer_unordered(MAX_CONCURRENT_DELETIONS));
    let (mut outcomes, mut failure) = (Vec::new(), None);
    // After a failure no further deletion begins, and those under way are completed.
    while let Some(outcome) = deletions.next().await {
        match outcome {
            Ok(outcome) => {
                advance(1);
                // The version of a chunk does not matter here.
                let outcome = outcome.map_err(|refusal| match refusal {
                    Refusal::VersionMismatch(_) => Refusal::VersionMismatch(None),
                    other => other,
                });
                if !outcomes.contains(&outcome) {
                    outcomes.push(outcome);
                }
            }
            Err(error) => {
                failed.store(true, Ordering::Relaxed);
                failure = Some(error);
            }
        }
    }
    failure.map_or(Ok(outcomes), |error| Err(error.after_write()))
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
