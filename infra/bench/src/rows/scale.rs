//! f: whether costs grow with the number of records.

use std::time::Instant;

use serde_json::{Value, json};

use crate::events::{body, event, next_link};
use crate::process::Sandbox;
use crate::report::Row;
use crate::rows::calls::{lines, run_to_end, settled};
use crate::runtime_api::Until;
use crate::seed::{INSTALLATION, key, record_path};
use crate::stats::{Spread, log_log_slope, quantile};
use crate::{Bench, Result};

const SIZES: [u64; 4] = [100, 1_000, 10_000, 100_000];
const RECORD: &str = "copied";
const PAGE: u64 = 30;
const DEEP: usize = 1_000;
const ROUNDS: usize = 7;
/// The number of requests whose median is one figure.
const REQUESTS: u64 = 200;

/// f1, f2 and f3.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let kv_store = bench.stage.kv_store(&bench.programs);
    let direct = kv_store.start()?;
    let value = json!({"data": "x".repeat(100)});
    direct.call(&event("PUT", &record_path(INSTALLATION, RECORD), &bench.stage.token()?, Some(&value)))?;
    for size in SIZES {
        run_to_end(bench.stage.join(size))?;
        bench.stage.fill(size, size, RECORD)?;
    }
    let metered = kv_store.with("AWS_ENDPOINT_URL_DYNAMODB", bench.meter.endpoint()).start()?;
    let mut rows = vec![constant_calls(bench, &metered)?];
    rows.extend(page_times(bench, &direct)?);
    rows.extend(deep_paging(bench, &direct, &metered)?);
    Ok(rows)
}

fn page(size: u64) -> String {
    format!("/api/v1/github/kv/{size}/iter/{}?limit={PAGE}", key(size / 2))
}

/// f1: the same requests cost the same for any number of records.
#[expect(clippy::cast_precision_loss, reason = "a handful of sizes")]
fn constant_calls(bench: &Bench, sandbox: &Sandbox) -> Result<Row> {
    let token = bench.stage.token()?;
    let value = json!({"data": "z".repeat(100)});
    let cost = |method: &str, path: &str, body: Option<&Value>| -> Result<(String, String)> {
        bench.meter.ledger().take();
        let answer = sandbox.call(&event(method, path, &token, body))?;
        Ok((answer, lines(&settled(bench)).join(", ")))
    };
    let mut costs = Vec::new();
    for size in SIZES {
        let path = record_path(size, &key(size / 2));
        // The first request of a token in an installation also reads its owner's membership, and the first page of a
        // process the seed of cursors.
        cost("GET", &path, None)?;
        cost("GET", &page(size), None)?;
        let (found, get) = cost("GET", &path, None)?;
        let swap = json!({"data": "z".repeat(100), "version": body(&found).get("version")});
        let (_, cas) = cost("PUT", &path.replace("/key/", "/cas/key/"), Some(&swap))?;
        let (_, set) = cost("PUT", &path, Some(&value))?;
        let (_, page) = cost("GET", &page(size), None)?;
        costs.push(format!("get: {get}; cas: {cas}; set: {set}; page: {page}"));
    }
    let first = costs.first().cloned().unwrap_or_default();
    let different = costs.iter().filter(|cost| **cost != first).count();
    let row = Row::new("f1", "sizes at which get, cas, set or a page cost more", Spread::one(different as f64), "");
    Ok(row
        .at_most(0.0)
        .gate()
        .how("calls and units with 100, 1,000, 10,000 and 100,000 records")
        .note(costs.join("<br>")))
}

/// f2: the time of a page in the middle.
#[expect(clippy::cast_precision_loss, reason = "a hundred thousand records")]
fn page_times(bench: &Bench, sandbox: &Sandbox) -> Result<Vec<Row>> {
    let mut slopes = Vec::new();
    let mut medians = vec![Vec::new(); SIZES.len()];
    for _ in 0..ROUNDS {
        let token = bench.stage.token()?;
        let mut points = Vec::new();
        for (size, medians) in SIZES.into_iter().zip(&mut medians) {
            let time = median(sandbox, &page(size), &token)?;
            points.push((size as f64, time));
            medians.push(time);
        }
        slopes.push(log_log_slope(&points));
    }
    let slope = Row::new("f2", "growth of a page's p50, log-log slope", Spread::of(&slopes), "").at_most(0.1);
    let mut rows = vec![slope.how("pages of 30 in the middle of 100 to 100,000 records, 7 rounds of 200")];
    for (size, medians) in SIZES.into_iter().zip(&medians) {
        rows.push(
            Row::new("f2", format!("page of 30 of {size}, p50"), Spread::of(medians), " ms").how("the same rounds"),
        );
    }
    Ok(rows)
}

/// The median time of a request in milliseconds.
fn median(sandbox: &Sandbox, path: &str, token: &str) -> Result<f64> {
    let times = sandbox.api.repeat(Until::Count(REQUESTS), &event("GET", path, token, None))?.latencies;
    Ok(quantile(&times.iter().map(|time| time.as_secs_f64() * 1e3).collect::<Vec<_>>(), 0.5))
}

/// f3: the thousandth page compared with the first.
fn deep_paging(bench: &Bench, direct: &Sandbox, metered: &Sandbox) -> Result<Vec<Row>> {
    let first = format!("/api/v1/github/kv/100000/iter/?limit={PAGE}");
    let began = Instant::now();
    let (mut path, mut token) = (first.clone(), bench.stage.token()?);
    for number in 1..DEEP {
        if number % 200 == 0 {
            token = bench.stage.token()?;
        }
        let answer = direct.call(&event("GET", &path, &token, None))?;
        path = next_link(&answer).ok_or_else(|| format!("the listing ends at page {number}"))?;
    }
    let walked = began.elapsed().as_secs_f64();
    let token = bench.stage.token()?;
    let units = |path: &str| -> Result<Vec<String>> {
        bench.meter.ledger().take();
        metered.call(&event("GET", path, &token, None))?;
        Ok(lines(&settled(bench)))
    };
    // The first request also reads the membership.
    units(&first)?;
    let (units_first, units_deep) = (units(&first)?, units(&path)?);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let token = bench.stage.token()?;
        ratios.push(median(direct, &path, &token)? / median(direct, &first, &token)?);
    }
    let differ = f64::from(u8::from(units_first != units_deep));
    Ok(vec![
        Row::new("f3", "page 1,000 costs other units than page 1", Spread::one(differ), "")
            .at_most(0.0)
            .how("100,000 records, pages of 30, by their links")
            .note(format!(
                "page 1: {}; page 1,000: {}; 999 pages in {walked:.1} s",
                units_first.join(", "),
                units_deep.join(", ")
            )),
        Row::new("f3", "page 1,000 ÷ page 1, p50", Spread::of(&ratios), "×").at_most(1.2).how("7 rounds of 200 each"),
    ])
}
