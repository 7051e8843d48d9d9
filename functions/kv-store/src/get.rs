//! Gets a record.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{ETAG, HeaderMap, HeaderValue};
use terrapi::domain::Error;
use terrapi::domain::kv::{Address, Idx, Select, Visibility};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, PathParams, Query, unchanged};
use terrapi::runtime::App;
use terrapi::store::kv::ReadQuery;

use crate::record::{KvRecord, limit_selected};

/// Get a record
///
/// The `ETag` is the version. With a matching `If-None-Match` the answer is 304 without a body.
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/key/{*key}", tag = "kv", security(("bearer" = [])),
    params(("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "The chunk, 0 when absent"), ("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones"),
        ("select" = Option<Vec<String>>, Query, explode = false, description = "`name=path` elements: the value is reduced to an object of these members. A path is member names joined by dots, `[n]` for an item; an absent part is `null`. At most 32 elements."),
        ("if-none-match" = Option<String>, Header, description = "The `ETag` of an earlier answer")),
    responses((status = 200, body = KvRecord, headers(("etag" = String, description = "The version, quoted"))), (status = 304, description = "The version is still the one in `If-None-Match`; no body", headers(("etag" = String, description = "The version, quoted"))),
        (status = 413, description = "`SELECTION_TOO_LARGE`: the selected parts exceed 4 MiB", body = ErrorBody), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn get_record(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let address = Address { key: path.key()?, idx: Idx::new(query.integer("idx")?.unwrap_or(0))? };
    let select = query.list("select").map(Select::parse).transpose()?;
    let read = read_query(&app, &caller, &query)?;
    let found = app.store.find_record(read, &address).await?.ok_or(Error::NotFound)?;
    let etag = format!("\"{}\"", found.side.version.0);
    let unchanged = unchanged(&headers, &etag);
    let etag = [(ETAG, HeaderValue::from_str(&etag).map_err(|error| Error::internal("encoding an ETag", error))?)];
    if unchanged {
        return Ok((StatusCode::NOT_MODIFIED, etag).into_response());
    }
    let record = KvRecord::of(found, select.as_ref())?;
    limit_selected(record.data())?;
    Ok((etag, Json(record)).into_response())
}

/// The query of the caller at the present time. It shows staged values if `committed=false`.
pub fn read_query<'a, N>(app: &App, caller: &'a InNamespace<N>, query: &Query) -> Result<ReadQuery<'a>, Error> {
    let visibility = if query.flag("committed", true)? { Visibility::Committed } else { Visibility::Latest };
    Ok(ReadQuery { namespace: caller.namespace, visibility, held: &caller.caller().capabilities, now: app.clock.now() })
}
