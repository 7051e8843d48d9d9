//! a2 and b3: instruction counts, which do not depend on the load of the machine.
//!
//! A function runs under callgrind with few events and with many. The slope between both is the cost of one request,
//! the rest is the cost of the start.

use serde_json::json;

use crate::events::{browsed, event};
use crate::process::Function;
use crate::report::Row;
use crate::rows::calls::run_to_end;
use crate::runtime_api::{Event, Until};
use crate::seed::{INSTALLATION, record_path};
use crate::stats::Spread;
use crate::{Bench, Result};

const FEW: u64 = 50;
const MANY: u64 = 250;
const RECORD: &str = "counted";
const MILLION: f64 = 1e6;

/// The instructions of one request, and of everything before the first one.
struct Line {
    slope: f64,
    intercept: f64,
}

#[expect(clippy::cast_precision_loss, reason = "hundreds of events")]
fn line(function: &Function, events: impl Fn() -> Result<Vec<Event>>) -> Result<Line> {
    let count = |count: u64| -> Result<f64> {
        let sandbox = function.start_counted()?;
        let mut events = events()?.into_iter().cycle();
        sandbox.api.run_ok(Until::Count(count), move |_| events.next().unwrap_or_else(|| "".into()))?;
        sandbox.instructions()
    };
    let (few, many) = (count(FEW)?, count(MANY)?);
    let slope = (many - few) / (MANY - FEW) as f64;
    Ok(Line { slope, intercept: few - slope * FEW as f64 })
}

fn put_record(bench: &Bench) -> Result<()> {
    let body = json!({"data": {"status": "done", "plan": "x".repeat(100)}});
    let event = event("PUT", &record_path(INSTALLATION, RECORD), &bench.stage.token()?, Some(&body));
    bench.stage.kv_store(&bench.programs).start()?.call(&event).map(|_| ())
}

/// Hello with this number of reads of the record, by the SDK alone.
fn probe(bench: &Bench, reads: u32) -> Function {
    let probe = bench.stage.function(bench.programs.probe()).with("PROBE_READS", reads.to_string());
    probe.with("PROBE_PK", format!("github#{INSTALLATION}")).with("PROBE_SK", RECORD)
}

/// a2: a route, compared with hello with the same storage calls.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    put_record(bench)?;
    let path = record_path(INSTALLATION, RECORD);
    let any = || -> Result<Vec<Event>> { Ok(vec![event("GET", "/", "t", None)]) };
    let same_token = || -> Result<Vec<Event>> { Ok(vec![event("GET", &path, &bench.stage.token()?, None)]) };
    let fresh_tokens =
        || -> Result<Vec<Event>> { (0..MANY).map(|_| Ok(event("GET", &path, &bench.stage.token()?, None))).collect() };

    let hello = line(&bench.stage.function(bench.programs.hello()), any)?.slope;
    let one_read = line(&probe(bench, 1), any)?.slope;
    let two_reads = line(&probe(bench, 2), any)?.slope;
    let kv_store = limited(bench, "kv-store");
    let cached = line(&kv_store, same_token)?.slope;
    let fresh = line(&kv_store, fresh_tokens)?.slope;
    let (session, exchange) = (by_session(bench)?, exchange(bench)?);

    let absolute = |measure: &str, count: f64| Row::new("a2", measure, Spread::one(count / MILLION), " M");
    Ok(vec![
        Row::new("a2", "kv get, token known ÷ (hello + 1 GetItem)", Spread::one(cached / one_read), "×")
            .at_most(1.25)
            .gate()
            .how("instructions per request: callgrind, slope between 50 and 250 events"),
        Row::new("a2", "kv get, token new ÷ (hello + 2 GetItem)", Spread::one(fresh / two_reads), "×")
            .at_most(2.1)
            .gate()
            .how("the same, a new token each: its EdDSA signature and its owner's membership are checked"),
        absolute("hello", hello).how("instructions per request"),
        absolute("hello + 1 GetItem", one_read).how("the same"),
        absolute("hello + 2 GetItem", two_reads).how("the same"),
        absolute("kv get, token known", cached).how("the same"),
        absolute("kv get, token new", fresh).how("the same"),
        absolute("whoami, by session", session).how("the same; two GetItem: the session and the user"),
        absolute("exchange", exchange)
            .how("the same; one GetItem and, beside the answer, one PutItem for the audit entry"),
    ])
}

/// A function with rate limits as on AWS, but none that is reached: one batch lasts for all events.
fn limited(bench: &Bench, name: &str) -> Function {
    let function = bench.stage.function(bench.programs.function(name));
    function.with("RATE_LIMIT_PER_SECOND", "100000").with("RATE_LIMIT_BURST", "100000")
}

/// The instructions of a browser's request.
fn by_session(bench: &Bench) -> Result<f64> {
    let cookie = run_to_end(bench.stage.session())?;
    Ok(line(&limited(bench, "identity"), || Ok(vec![browsed("/api/v1/whoami", &cookie)]))?.slope)
}

/// The instructions of an exchange, including its background calls.
fn exchange(bench: &Bench) -> Result<f64> {
    let key = run_to_end(bench.stage.api_key())?;
    let request = || Ok(vec![event("POST", "/api/v1/access-token/refresh", &key, None)]);
    Ok(line(&limited(bench, "token-refresh"), request)?.slope)
}

/// b3: the start.
pub fn measure_init(bench: &Bench) -> Result<Vec<Row>> {
    put_record(bench)?;
    let event = event("GET", &record_path(INSTALLATION, RECORD), &bench.stage.token()?, None);
    let kv_store = bench.stage.kv_store(&bench.programs);
    let plain = line(&kv_store, || Ok(vec![event.clone()]))?.intercept;
    let row = |measure: &str, count: f64| Row::new("b3", measure, Spread::one(count / MILLION), " M");
    // Nothing listens on that port: everything is counted except the handshake.
    let on_aws = kv_store
        .with("TERRAPI_BLOBS", "https://bench.s3.us-east-1.amazonaws.com")
        .with("AWS_ENDPOINT_URL_DYNAMODB", "https://127.0.0.1:1");
    let on_aws = on_aws.start_counted()?.instructions()?;
    Ok(vec![
        row("kv-store, start, plain HTTP", plain)
            .at_most(6.0)
            .gate()
            .how("instructions: the intercept of a2, with what the first request does once"),
        row("kv-store, start, HTTPS and S3 as on AWS", on_aws)
            .at_most(6.0)
            .gate()
            .how("instructions to the first poll; the TLS handshake is not in it"),
    ])
}
