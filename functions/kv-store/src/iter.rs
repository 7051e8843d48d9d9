//! Lists records in order.

use axum::extract::State;
use terrapi::domain::kv::{Address, Idx, Key, Select, Visibility};
use terrapi::domain::{Code, Error, Result};
use terrapi::http::{ApiError, ErrorBody, InNamespace, KvStoreRead, Listed, Origin, Page, PathParams, Query};
use terrapi::runtime::App;
use terrapi::store::kv::{ListQuery, Position};

use crate::cursor::{Filters, Listing};
use crate::get::read_query;
use crate::record::{KvRecord, limit_selected};

const DEFAULT_LIMIT: usize = 30;
const MAX_LIMIT: usize = 1_000;

pub type KvRecordList = Page<KvRecord>;

impl Listed for KvRecord {
    const PAGE: [&str; 3] = [
        "KvRecordList",
        "A page of records, ordered by the bytes of the key, then by index.",
        "A page may have fewer records than `limit`; only a missing `next` link marks the end.",
    ];
    const CURSOR: &str = "cursor";
}

/// List records
///
/// Starts at the key, or after it with `inclusive=false`. The `next` link of the `Link` header leads to the following
/// page. A cursor carries the filters of its listing: with another installation, key or filter the answer is 400
/// `INVALID_CURSOR`.
#[utoipa::path(get, path = "/api/v1/{vcs}/kv/{installation_id}/iter/{*key}", tag = "kv", security(("bearer" = [])),
    params(("key" = String, Path, description = "Where to start; may be empty"),
        ("idx" = Option<i64>, Query, minimum = 0, maximum = 2_147_483_647, description = "The chunk to start at"),
        ("inclusive" = Option<bool>, Query, description = "`false` starts after the key, or after its chunk `idx`"),
        ("prefix" = Option<bool>, Query, description = "`true` lists only keys that begin with the key"),
        ("committed" = Option<bool>, Query, description = "`false` shows staged values before published ones"), ("limit" = Option<i64>, Query, minimum = 1, description = "30 when absent, at most 1,000; more is taken as 1,000"),
        ("include_data" = Option<bool>, Query, description = "`false` leaves `data` null"),
        ("select" = Option<Vec<String>>, Query, explode = false, description = "As in `get`, of each value"), ("cursor" = Option<String>, Query, description = "From a `next` link")),
    responses((status = 200, body = KvRecordList), (status = 413, description = "`SELECTION_TOO_LARGE`: the selected parts exceed 4 MiB", body = ErrorBody), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn iter_records(
    State(app): State<App>,
    caller: InNamespace<KvStoreRead>,
    path: PathParams,
    query: Query,
    origin: Origin,
) -> Result<KvRecordList, ApiError> {
    let listing = Listing { namespace: caller.namespace, key: path.text("key") };
    let limit = query.limit(DEFAULT_LIMIT, MAX_LIMIT)?;
    let (start, filters) = match query.text("cursor")? {
        Some(cursor) => resume(listing.open(&app, cursor).await?, &query)?,
        None => begin(listing.key, &query)?,
    };
    let mut read = read_query(&app, &caller, &query)?;
    read.visibility = if filters.committed { Visibility::Committed } else { Visibility::Latest };
    let select =
        filters.select.as_ref().map(|elements| Select::parse(elements.iter().map(String::as_str))).transpose()?;
    let prefix = filters.prefix.then_some(listing.key);
    let list = ListQuery { read, start, prefix, limit, with_data: filters.include_data };
    let page = app.store.list_records(&list).await?;
    let records = page.records.into_iter().map(|found| KvRecord::of(found, select.as_ref()));
    let results: Vec<_> = records.collect::<Result<_>>()?;
    limit_selected(results.iter().filter_map(KvRecord::data))?;
    let cursor = match page.next {
        Some(end) => Some(listing.seal(&app, &end, &filters).await?),
        None => None,
    };
    Ok(Page::new(results, &origin, cursor, [("limit", limit.to_string())]))
}

/// Continues at a cursor. A filter in the request must equal that of the cursor.
fn resume((last, filters): (Address, Filters), query: &Query) -> Result<(Position, Filters)> {
    if Filters::of(query, &filters)? != filters {
        return Err(Error::invalid_because(Code::InvalidCursor, "the cursor belongs to other filters"));
    }
    Ok((Position::After(last), filters))
}

fn begin(key: &str, query: &Query) -> Result<(Position, Filters)> {
    let filters = Filters::of(query, &Filters::default())?;
    let idx = filters.idx.map(Idx::new).transpose()?;
    let start = match (key.is_empty(), filters.inclusive, idx) {
        (true, ..) => Position::Beginning,
        (false, true, idx) => Position::At(Key::new(key)?, idx.unwrap_or_default()),
        (false, false, Some(idx)) => Position::After(Address { key: Key::new(key)?, idx }),
        (false, false, None) => Position::AfterKey(Key::new(key)?),
    };
    Ok((start, filters))
}
