//! b4 and b5: resident memory after the start and its growth over many requests.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::events::event;
use crate::process::{Function, Sandbox};
use crate::report::Row;
use crate::runtime_api::{Event, Until};
use crate::seed::{INSTALLATION, record_path};
use crate::stats::Spread;
use crate::{Bench, Result};

const MIB: f64 = 1024.0 * 1024.0;
const RECORD: &str = "remembered";
const WARM_UP: u64 = 1_000;
/// Requests before growth is measured: by then, allocators and tables have their final size.
const SETTLE: u64 = 20_000;
const REQUESTS: u64 = 200_000;
/// How long a token is used. It is valid for a minute.
const TOKEN_AGE: Duration = Duration::from_secs(30);

fn put_record(bench: &Bench) -> Result<()> {
    let body = json!({"data": {"status": "done"}});
    let event = event("PUT", &record_path(INSTALLATION, RECORD), &bench.stage.token()?, Some(&body));
    bench.stage.kv_store(&bench.programs).start()?.call(&event).map(|_| ())
}

/// Serves `count` gets, with a new token every half minute.
fn serve(bench: &Bench, sandbox: &Sandbox, mut count: u64) -> Result<()> {
    while count > 0 {
        let event: Event = event("GET", &record_path(INSTALLATION, RECORD), &bench.stage.token()?, None);
        let began = Instant::now();
        while count > 0 && began.elapsed() < TOKEN_AGE {
            let batch = count.min(5_000);
            sandbox.api.repeat(Until::Count(batch), &event)?;
            count -= batch;
        }
    }
    Ok(())
}

/// b4: after the start, and after a thousand requests.
pub fn measure_resident(bench: &Bench) -> Result<Vec<Row>> {
    put_record(bench)?;
    let resident = |function: &Function| -> Result<(f64, f64)> {
        let sandbox = function.start()?;
        let first = sandbox.resident_bytes()?;
        serve(bench, &sandbox, WARM_UP)?;
        Ok((first, sandbox.resident_bytes()?))
    };
    let hello = resident(&bench.stage.function(bench.programs.hello()))?;
    let ours = resident(&bench.stage.kv_store(&bench.programs))?;
    let absolute = |measure: &str, bytes: f64| Row::new("b4", measure, Spread::one(bytes / MIB), " MiB").how("VmRSS");
    Ok(vec![
        Row::new("b4", "kv-store ÷ hello, after the start", Spread::one(ours.0 / hello.0), "×")
            .at_most(3.0)
            .how("VmRSS"),
        Row::new("b4", "kv-store ÷ hello, after 1,000 requests", Spread::one(ours.1 / hello.1), "×")
            .at_most(3.0)
            .how("VmRSS"),
        absolute("hello, after the start", hello.0),
        absolute("hello, after 1,000 requests", hello.1),
        absolute("kv-store, after the start", ours.0),
        absolute("kv-store, after 1,000 requests", ours.1),
    ])
}

/// b5: the growth per request, with one and with four concurrent requests.
pub fn measure_growth(bench: &Bench) -> Result<Vec<Row>> {
    put_record(bench)?;
    let mut rows = Vec::new();
    for (mode, concurrency) in [("one at a time", ""), ("four at a time", "4")] {
        let growth = |function: Function, requests| {
            grow(bench, &function.with("AWS_LAMBDA_MAX_CONCURRENCY", concurrency), requests)
        };
        // Hello grows by the same amount on each request or not at all, so a quarter of the requests is enough.
        let hello = growth(bench.stage.function(bench.programs.hello()), REQUESTS / 4)?;
        let ours = growth(bench.stage.kv_store(&bench.programs), REQUESTS)?;
        rows.extend([
            Row::new("b5", format!("kv get − hello, {mode}"), Spread::one(ours - hello), " B/request")
                .at_most(10.0)
                .gate()
                .how("growth of VmRSS over 200,000 requests, hello over 50,000, both after 20,000"),
            Row::new("b5", format!("kv get, {mode}"), Spread::one(ours), " B/request"),
            Row::new("b5", format!("hello, {mode}"), Spread::one(hello), " B/request"),
        ]);
    }
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "thousands of requests")]
fn grow(bench: &Bench, function: &Function, requests: u64) -> Result<f64> {
    let sandbox = function.start()?;
    serve(bench, &sandbox, SETTLE)?;
    let before = sandbox.resident_bytes()?;
    serve(bench, &sandbox, requests)?;
    Ok((sandbox.resident_bytes()? - before) / requests as f64)
}
