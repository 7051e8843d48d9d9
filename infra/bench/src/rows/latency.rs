//! a1: what a route adds to hello, in units of its own storage call.
//!
//! Rounds of two seconds each, by turns: hello, the routes, and the same calls by the SDK alone in this process. The ratio
//! is taken within a round, so that a slower minute slows all of them.

use std::thread;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::events::{body, event};
use crate::process::Sandbox;
use crate::report::Row;
use crate::rows::calls::run_to_end;
use crate::runtime_api::{Outcome, Until};
use crate::seed::{INSTALLATION, record_path};
use crate::stats::{Spread, quantile};
use crate::{Bench, Result};

const ROUNDS: usize = 7;
const ROUND: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_secs(1);
const READ: &str = "timed";
const SWAPPED: &str = "swapped";

/// p50 and p99 in milliseconds.
type Times = [f64; 2];

fn times(latencies: &[Duration]) -> Times {
    let milliseconds: Vec<f64> = latencies.iter().map(|time| time.as_secs_f64() * 1e3).collect();
    [0.5, 0.99].map(|part| quantile(&milliseconds, part))
}

/// What one round measured.
struct Round {
    hello: Times,
    get: Times,
    cas: Times,
    refresh: Times,
    get_item: Times,
    update_item: Times,
}

/// What is known of a miss in the exchange's row.
const WHY_REFRESH_IS_SLOW: &str = "it signs, and the next exchange waits for the audit entry and the key's last use, which \
     are sent beside the answer but on the one thread that a sandbox has. Next: an internal extension that sends them after \
     the answer has left";

/// The functions, started.
struct Players {
    hello: Sandbox,
    kv_store: Sandbox,
    token_refresh: Sandbox,
    key: String,
    sdk: Sdk,
}

/// a1: the median of the rounds' ratios.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let players = Players {
        hello: bench.stage.function(bench.programs.hello()).start()?,
        kv_store: bench.stage.kv_store(&bench.programs).start()?,
        token_refresh: bench.stage.function(bench.programs.function("token-refresh")).start()?,
        key: run_to_end(bench.stage.api_key())?,
        sdk: Sdk::new(&bench.stage.endpoint(), bench.stage.kv_table()),
    };
    for key in [READ, SWAPPED] {
        let body = json!({"data": {"status": "done", "plan": "x".repeat(100)}});
        players.kv_store.call(&event("PUT", &record_path(INSTALLATION, key), &bench.stage.token()?, Some(&body)))?;
    }
    players.round(bench, WARM_UP)?;
    let rounds = (0..ROUNDS).map(|_| players.round(bench, ROUND)).collect::<Result<Vec<_>>>()?;
    Ok(rows(&rounds))
}

impl Players {
    fn round(&self, bench: &Bench, time: Duration) -> Result<Round> {
        let token = bench.stage.token()?;
        let until = Until::Elapsed(time);
        let get = event("GET", &record_path(INSTALLATION, READ), &token, None);
        let refresh = event("POST", "/api/v1/access-token/refresh", &self.key, None);
        let of = |outcome: Outcome| times(&outcome.latencies);
        Ok(Round {
            hello: of(self.hello.api.repeat(until, &get)?),
            get: of(self.kv_store.api.repeat(until, &get)?),
            get_item: self.sdk.time(time, false)?,
            cas: of(self.swap(until, &token)?),
            update_item: self.sdk.time(time, true)?,
            refresh: of(self.token_refresh.api.repeat(until, &refresh)?),
        })
    }

    /// Compares and sets one record again and again, each time with the version of the last answer.
    fn swap(&self, until: Until, token: &str) -> Result<Outcome> {
        let (token, path) = (token.to_owned(), record_path(INSTALLATION, SWAPPED));
        let found = self.kv_store.call(&event("GET", &path, &token, None))?;
        let path = path.replace("/key/", "/cas/key/");
        self.kv_store.api.run_ok(until, move |last| {
            let last = if last.is_empty() { &found } else { last };
            let version = body(last).get("version").cloned().unwrap_or(Value::Null);
            let body = json!({"data": {"status": "done", "plan": "x".repeat(100)}, "version": version});
            event("PUT", &path, &token, Some(&body))
        })
    }
}

/// Picks a measure out of a round.
type Of = fn(&Round) -> Times;

fn rows(rounds: &[Round]) -> Vec<Row> {
    let mut rows = Vec::new();
    let spread = |of: &dyn Fn(&Round) -> f64| Spread::of(&rounds.iter().map(of).collect::<Vec<_>>());
    let routes: [(&str, Of, Of); 3] = [
        ("(kv get − hello) ÷ GetItem", |round| round.get, |round| round.get_item),
        ("(kv cas − hello) ÷ UpdateItem", |round| round.cas, |round| round.update_item),
        ("(refresh − hello) ÷ GetItem", |round| round.refresh, |round| round.get_item),
    ];
    for (measure, route, call) in routes {
        for (at, (part, limit)) in [("p50", 2.0), ("p99", 3.5)].into_iter().enumerate() {
            let pick = |times: Times| times.get(at).copied().unwrap_or(f64::NAN);
            let ratio = |round: &Round| (pick(route(round)) - pick(round.hello)) / pick(call(round));
            let row = Row::new("a1", format!("{measure}, {part}"), spread(&ratio), "×").at_most(limit);
            let row = row.how("closed loop, one at a time, 7 rounds of 2 s by turns");
            let explained = row.misses() && measure.contains("refresh");
            rows.push(if explained { row.note(WHY_REFRESH_IS_SLOW) } else { row });
        }
    }
    let absolute: [(&str, Of); 6] = [
        ("hello", |round| round.hello),
        ("kv get", |round| round.get),
        ("kv cas", |round| round.cas),
        ("refresh", |round| round.refresh),
        ("GetItem by the SDK", |round| round.get_item),
        ("UpdateItem by the SDK", |round| round.update_item),
    ];
    for (measure, of) in absolute {
        for (at, part) in ["p50", "p99"].into_iter().enumerate() {
            let pick = |round: &Round| of(round).get(at).copied().unwrap_or(f64::NAN);
            rows.push(Row::new("a1", format!("{measure}, {part}"), spread(&pick), " ms").how("the same rounds"));
        }
    }
    rows
}

/// The calls without a function around them.
struct Sdk {
    endpoint: String,
    table: String,
}

impl Sdk {
    fn new(endpoint: &str, table: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), table: table.to_owned() }
    }

    /// Calls for so long, on a thread of its own as a function has one.
    fn time(&self, time: Duration, update: bool) -> Result<Times> {
        let calls = || -> Result<Times> {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            Ok(times(&runtime.block_on(self.calls(time, update))?))
        };
        thread::scope(|scope| scope.spawn(calls).join().map_err(|_| "a thread panicked")?)
    }

    #[expect(clippy::disallowed_types, reason = "the SDK alone is what is measured")]
    async fn calls(&self, time: Duration, update: bool) -> Result<Vec<Duration>> {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .endpoint_url(&self.endpoint)
            .http_client(aws_smithy_http_client::Builder::new().build_http());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        let pk = AttributeValue::S(format!("github#{INSTALLATION}"));
        let sk = |key: &str| AttributeValue::B(Blob::new([key.as_bytes(), &[0; 5]].concat()));
        let (mut latencies, began) = (Vec::new(), Instant::now());
        while began.elapsed() < time {
            let called = Instant::now();
            if update {
                let update = client
                    .update_item()
                    .table_name(&self.table)
                    .key("pk", AttributeValue::S("bench".into()))
                    .key("sk", sk("sdk"));
                let update = update.update_expression("SET v = :v").condition_expression("attribute_not_exists(w)");
                update.expression_attribute_values(":v", AttributeValue::S("x".repeat(130))).send().await?;
            } else {
                let get = client.get_item().table_name(&self.table).key("pk", pk.clone()).key("sk", sk(READ));
                get.consistent_read(true).send().await?;
            }
            latencies.push(called.elapsed());
        }
        Ok(latencies)
    }
}
