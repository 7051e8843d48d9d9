//! g: dollars for a million requests, computed from the counted calls.

use serde_json::{Value, json};

use crate::events::{body, event};
use crate::faulty::Call;
use crate::organization::Organization;
use crate::process::Function;
use crate::report::Row;
use crate::rows::calls::{run_to_end, settled};
use crate::seed::{INSTALLATION, record_path};
use crate::stats::Spread;
use crate::{Bench, Result};

/// US dollars in us-east-1, November 2026. Check them before publishing.
mod price {
    /// A million requests through an HTTP API.
    pub const GATEWAY: f64 = 1.00;
    /// A million invocations.
    pub const INVOCATIONS: f64 = 0.20;
    /// A gigabyte-second on arm64.
    pub const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
    /// A million read units, on demand.
    pub const READS: f64 = 0.125;
    /// A million write units, on demand.
    pub const WRITES: f64 = 0.625;
}

/// The billed memory in gigabytes and time in seconds of an invocation. Estimated until measured on AWS.
const BILLED: (f64, f64) = (0.125, 0.005);
const MILLION: f64 = 1e6;
/// An installation without other commits.
const COMMITS: u64 = 77;

fn dollars(calls: &[Call]) -> f64 {
    // A refused write costs a unit, although the engine does not report that.
    let writes = |call: &Call| if call.error.is_some() { 1.0_f64.max(call.write_units) } else { call.write_units };
    let reads: f64 = calls.iter().map(|call| call.read_units).sum();
    let writes: f64 = calls.iter().map(writes).sum();
    let (gigabytes, seconds) = BILLED;
    let lambda = price::INVOCATIONS + gigabytes * seconds * MILLION * price::GIGABYTE_SECOND;
    price::GATEWAY + lambda + reads * price::READS + writes * price::WRITES
}

/// g: a get, a cas, an exchange, a commit, and the routes of team tokens.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let start = |function: Function| function.with("AWS_ENDPOINT_URL_DYNAMODB", bench.meter.endpoint()).start();
    let kv_store = start(bench.stage.kv_store(&bench.programs))?;
    let token_refresh = start(bench.stage.function(bench.programs.function("token-refresh")))?;
    let team_tokens = start(bench.stage.team_tokens(&bench.programs))?;
    let organization = run_to_end(Organization::new(&bench.stage, "priced"))?;
    let (token, path) = (bench.stage.token()?, record_path(INSTALLATION, "priced"));
    let key = run_to_end(bench.stage.api_key())?;
    let kv = |method: &str, path: &str, body: Option<&Value>| kv_store.call(&event(method, path, &token, body));
    let small = json!({"data": "x".repeat(100)});
    kv("PUT", &path, Some(&small))?;
    let version = body(&kv("GET", &path, None)?).get("version").cloned();
    let swap = json!({"data": "y".repeat(100), "version": version});
    let keys: Vec<String> = (0..10).map(|number| format!("priced/{number}")).collect();
    run_to_end(bench.stage.join(COMMITS))?;
    let staged = json!({"data": "z", "committed": false});
    for key in &keys {
        kv("PUT", &record_path(COMMITS, key), Some(&staged))?;
    }
    let commit = json!({"keys": keys.iter().map(|key| json!({"key": key, "idx": 0})).collect::<Vec<_>>()});
    let refresh = || token_refresh.call(&event("POST", "/api/v1/access-token/refresh", &key, None));
    // The first use of a credential in a minute is also recorded.
    refresh()?;
    token_refresh.call(&organization.exchange())?;
    team_tokens.call(&organization.read())?;
    let priced = |request: &dyn Fn() -> Result<String>| -> Result<f64> {
        settled(bench);
        request()?;
        Ok(dollars(&settled(bench)))
    };
    let row = |measure, price: f64| {
        Row::new("g", measure, Spread::one(price), " $ a million").how("prices × units of the ledger")
    };
    Ok(vec![
        row("kv get", priced(&|| kv("GET", &path, None))?).at_most(1.40),
        row("kv cas", priced(&|| kv("PUT", &path.replace("/key/", "/cas/key/"), Some(&swap)))?).at_most(2.00),
        row("refresh", priced(&refresh)?).note("its audit entry is one write and its copy in the index, 1.25 $ of it"),
        row("kv commit of 10", priced(&|| kv("POST", &format!("/api/v1/github/kv/{COMMITS}/commit"), Some(&commit)))?)
            .note("the first of an installation; the folds that follow, one write a record, are the worker's"),
        row("refresh with a team token", priced(&|| token_refresh.call(&organization.exchange()))?),
        row("team token create", priced(&|| team_tokens.call(&organization.create()))?).note(
            "in place of another: a transaction pays twice for each of three rows; its audit entry is 1.25 $ of it",
        ),
        row("team token read", priced(&|| team_tokens.call(&organization.read()))?).note(
            "without a limit; the caller's budget adds 0.03 $ to each of these routes, one write in twenty requests",
        ),
        row("list of 100 team tokens", priced(&|| team_tokens.call(&organization.list()))?),
    ])
}
