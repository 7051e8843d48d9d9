//! Writes records: sets one unconditionally, or after comparing its version.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::value::RawValue;
use terrapi::domain::kv::{Address, CapsChange, Expect, Idx, Put, Refusal, Slot, Version, Write, WriteId, WriteKind};
use terrapi::domain::{Caller, Capabilities, Capability, Code, Error, Namespace, RequestedCapabilities, Result};
use terrapi::http::{ApiError, ErrorBody, InNamespace, JsonBody, KvStoreReadWrite, KvStoreWrite, PathParams, present};
use terrapi::runtime::App;
use utoipa::ToSchema;

use crate::record::KvRecord;
use crate::value::compact;

/// The longest time to live in seconds: a year.
const MAX_TTL_SECONDS: i64 = 31_536_000;

/// The body of `set` and `cas`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"data": {"status": "done"}, "committed": true}))]
pub struct KvWrite {
    /// The value: any JSON. `value` is accepted as another name for it: see `KvWriteAlias`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Value, required = true)]
    data: Option<Box<RawValue>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(ignore)]
    value: Option<Box<RawValue>>,
    /// The chunk; absent: 0.
    #[schema(minimum = 0, maximum = 2_147_483_647)]
    pub idx: Option<i64>,
    /// Only for `cas`: the version that the record must have. Absent: there must be no record, not even a staged one.
    pub version: Option<i64>,
    /// `false` stages the value until a commit publishes it.
    committed: Option<bool>,
    /// The capabilities that reading requires. Absent keeps the current list; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<Capability>>)]
    read_caps: Option<Box<RawValue>>,
    /// The capabilities that writing requires. Absent keeps the current list; `null` removes it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<Capability>>)]
    write_caps: Option<Box<RawValue>>,
    /// After this many seconds the record counts as absent.
    #[schema(minimum = 1, maximum = 31_536_000)]
    ttl_seconds: Option<i64>,
}

/// Set a record
///
/// Writes the record unconditionally. `committed: false` stages the value: readers see the old one until a commit.
#[utoipa::path(put, path = "/api/v1/{vcs}/kv/{installation_id}/key/{*key}", tag = "kv", security(("bearer" = [])),
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

/// Compare and set a record
///
/// A failed comparison is answered with 400 `VERSION_MISMATCH`; its `data` has the current version, or `absent`.
#[utoipa::path(put, path = "/api/v1/{vcs}/kv/{installation_id}/cas/key/{*key}", tag = "kv", security(("bearer" = [])),
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

impl KvWrite {
    /// Validates the request and writes the record.
    pub async fn write(
        self,
        app: &App,
        namespace: Namespace,
        address: Address,
        expect: Expect,
        caller: &Caller,
    ) -> Result<KvRecord> {
        let read_caps = caps_change(self.read_caps.as_deref(), caller)?;
        let write_caps = caps_change(self.write_caps.as_deref(), caller)?;
        let now = app.clock.now();
        let expires_at = self.ttl_seconds.map(|ttl| parse_ttl(ttl).map(|ttl| now.seconds().plus(ttl))).transpose()?;
        let text = text_of(self.data, self.value)?;
        let size_bytes = text.len() as u64;
        let id = app.random.timed_id(now)?;
        let payload = app.store.put_value(namespace, &address, text, id, now).await?;
        let slot = Slot { payload, size_bytes, written_at: now, expires_at };
        let put = Put { slot, committed: self.committed.unwrap_or(true), read_caps, write_caps };
        let write =
            Write { id: WriteId(id), now, expect, kind: WriteKind::Put(put.clone()), held: &caller.capabilities };
        let outcome = app.store.write_record(namespace, &address, &write).await?.map_err(refused)?;
        Ok(KvRecord::written(&address, &put, outcome))
    }
}

/// The error of a refused write.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotWritable => Error::forbidden(Code::RecordForbidden),
        Refusal::VersionMismatch(Some(current)) => Error::invalid_because(Code::VersionMismatch, current.0.to_string()),
        Refusal::VersionMismatch(None) => Error::invalid_because(Code::VersionMismatch, "absent"),
        Refusal::Absent => Error::NotFound,
    }
}

fn parse_ttl(ttl: i64) -> Result<i64> {
    if (1..=MAX_TTL_SECONDS).contains(&ttl) {
        return Ok(ttl);
    }
    Err(Error::invalid_because(Code::InvalidBody, "ttl_seconds is between 1 and 31536000"))
}

/// The list that a request sets. The caller must hold every capability in it.
fn caps_change(sent: Option<&RawValue>, caller: &Caller) -> Result<CapsChange> {
    let Some(sent) = sent else { return Ok(CapsChange::Keep) };
    let list: Option<RequestedCapabilities> = serde_json::from_str(sent.get()).map_err(|_| {
        let problem = "a capability is unknown or malformed, or there are more than 32";
        Error::invalid_because(Code::InvalidCapability, problem)
    })?;
    let list = list.map(RequestedCapabilities::read).transpose()?;
    if let Some(lacking) =
        list.iter().flat_map(Capabilities::iter).find(|capability| !caller.capabilities.holds(capability))
    {
        return Err(Error::invalid_because(Code::CapabilityNotHeld, lacking.name()));
    }
    Ok(CapsChange::Replace(list))
}

fn text_of(data: Option<Box<RawValue>>, value: Option<Box<RawValue>>) -> Result<String> {
    let raw = match (data, value) {
        (Some(raw), None) | (None, Some(raw)) => raw,
        (Some(_), Some(_)) => {
            return Err(Error::invalid_because(Code::InvalidBody, "data and value are the same member"));
        }
        (None, None) => return Err(Error::invalid_because(Code::InvalidBody, "data is missing")),
    };
    compact(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_data_is_accepted_and_missing_data_is_refused() {
        let body: KvWrite = serde_json::from_str(r#"{"data": null}"#).unwrap();
        assert_eq!(text_of(body.data, body.value).unwrap(), "null");
        let body: KvWrite = serde_json::from_str("{}").unwrap();
        assert!(text_of(body.data, body.value).is_err());
    }
}
