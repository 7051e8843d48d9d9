//! Publishes staged records.

use std::fmt;

use axum::Json;
use axum::extract::State;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use terrapi::domain::Result;
use terrapi::domain::kv::{Idx, Key};
use terrapi::http::{ApiError, ErrorBody, InNamespace, JsonBody, KvStoreWrite};
use terrapi::runtime::App;
use terrapi::store::kv::{CommitRequest, CommitTarget, MAX_COMMIT_RECORDS};
use utoipa::ToSchema;

/// The body of `commit`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"keys": [{"key": "build/42/log"}, {"key": "build/42/status", "idx": 0}]}))]
pub struct KvCommit {
    /// At most 10,000 records, counting chunks.
    #[serde(deserialize_with = "listed")]
    keys: Vec<KvCommitKey>,
    /// Whether the commit is refused, and nothing changes, if a listed record is absent or not writable.
    strict: Option<bool>,
}

/// A listed record.
#[derive(Debug, Deserialize, ToSchema)]
pub struct KvCommitKey {
    /// The key.
    key: String,
    /// The chunk; absent: every chunk.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    idx: Option<i64>,
}

/// The records that were published.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"keys": [{"key": "build/42/log", "idx": 0}, {"key": "build/42/log", "idx": 1}, {"key": "build/42/status", "idx": 0}]}))]
pub struct KvCommitResult {
    /// One entry for each chunk.
    keys: Vec<KvCommitted>,
}

/// A published record.
#[derive(Debug, Serialize, ToSchema)]
pub struct KvCommitted {
    /// The key.
    key: String,
    /// The chunk.
    idx: u32,
}

/// Commit staged records
///
/// All of them become visible at the same moment: no answer shows only some of them. Records that are already
/// committed, absent or not writable are skipped, unless `strict` is set.
#[utoipa::path(post, path = "/api/v1/{vcs}/kv/{installation_id}/commit", tag = "kv", security(("bearer" = [])),
    request_body = KvCommit,
    responses((status = 200, body = KvCommitResult), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn commit_records(
    State(app): State<App>,
    caller: InNamespace<KvStoreWrite>,
    JsonBody(body): JsonBody<KvCommit>,
) -> Result<Json<KvCommitResult>, ApiError> {
    let now = app.clock.now();
    let targets = body.keys.into_iter().map(target).collect::<Result<_>>()?;
    let held = &caller.caller().capabilities;
    let request =
        CommitRequest { id: app.random.timed_id(now)?, targets, strict: body.strict.unwrap_or(false), held, now };
    let published = app.store.commit(caller.namespace, &request).await?;
    let keys =
        published.into_iter().map(|address| KvCommitted { idx: address.idx.get(), key: address.key.to_string() });
    Ok(Json(KvCommitResult { keys: keys.collect() }))
}

/// Reads the list only up to the limit: a longer one is refused whatever the rest contains.
fn listed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KvCommitKey>, D::Error> {
    deserializer.deserialize_seq(Listed)
}

struct Listed;

impl<'de> Visitor<'de> for Listed {
    type Value = Vec<KvCommitKey>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut keys = Vec::new();
        while keys.len() <= MAX_COMMIT_RECORDS {
            let Some(key) = elements.next_element()? else { return Ok(keys) };
            keys.push(key);
        }
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(keys)
    }
}

fn target(listed: KvCommitKey) -> Result<CommitTarget> {
    Ok(CommitTarget { key: Key::new(listed.key)?, idx: listed.idx.map(Idx::new).transpose()? })
}
