//! a1: what a route adds to hello, in units of its own storage call.
//!
//! Rounds of two seconds each, alternating: hello, the routes, and the same calls by the SDK alone in this process. The
//! ratio is computed within a round, so that a slower minute affects all of them.

use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::events::{body, event};
use crate::process::Sandbox;
use crate::report::Row;
use crate::rounds::{Of, ROUND, ROUNDS, Times, WARM_UP, absolutes, ratios, times};
use crate::rows::calls::run_to_end;
use crate::runtime_api::{Outcome, Until};
use crate::sdk::{get, repeat};
use crate::seed::{INSTALLATION, record_path};
use crate::{Bench, Result};

const READ: &str = "timed";
const SWAPPED: &str = "swapped";

/// The results of one round.
struct Round {
    hello: Times,
    get: Times,
    cas: Times,
    refresh: Times,
    get_item: Times,
    update_item: Times,
}

/// The known reason why the exchange's row misses its limit.
const WHY_REFRESH_IS_SLOW: &str = "it signs, and the next exchange waits for the audit entry and the key's last use, which \
     are sent beside the answer but on the one thread that a sandbox has. Next: an internal extension that sends them after \
     the answer has left";

/// The started functions.
struct Sandboxes {
    hello: Sandbox,
    kv_store: Sandbox,
    token_refresh: Sandbox,
    key: String,
}

/// a1: the median of the rounds' ratios.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let players = Sandboxes {
        hello: bench.stage.function(bench.programs.hello()).start()?,
        kv_store: bench.stage.kv_store(&bench.programs).start()?,
        token_refresh: bench.stage.function(bench.programs.function("token-refresh")).start()?,
        key: run_to_end(bench.stage.api_key())?,
    };
    for key in [READ, SWAPPED] {
        let body = json!({"data": {"status": "done", "plan": "x".repeat(100)}});
        players.kv_store.call(&event("PUT", &record_path(INSTALLATION, key), &bench.stage.token()?, Some(&body)))?;
    }
    players.round(bench, WARM_UP)?;
    let rounds = (0..ROUNDS).map(|_| players.round(bench, ROUND)).collect::<Result<Vec<_>>>()?;
    Ok(rows(&rounds))
}

impl Sandboxes {
    fn round(&self, bench: &Bench, time: Duration) -> Result<Round> {
        let token = bench.stage.token()?;
        let until = Until::Elapsed(time);
        let get = event("GET", &record_path(INSTALLATION, READ), &token, None);
        let refresh = event("POST", "/api/v1/access-token/refresh", &self.key, None);
        let of = |outcome: Outcome| times(&outcome.latencies);
        Ok(Round {
            hello: of(self.hello.api.repeat(until, &get)?),
            get: of(self.kv_store.api.repeat(until, &get)?),
            get_item: get_item(bench, time)?,
            cas: of(self.swap(until, &token)?),
            update_item: update_item(bench, time)?,
            refresh: of(self.token_refresh.api.repeat(until, &refresh)?),
        })
    }

    /// Compares and sets one record repeatedly, each time with the version of the last answer.
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

fn rows(rounds: &[Round]) -> Vec<Row> {
    let hello: Of<Round> = |round| round.hello;
    let routes: [(&str, Of<Round>, Of<Round>); 3] = [
        ("(kv get − hello) ÷ GetItem", |round| round.get, |round| round.get_item),
        ("(kv cas − hello) ÷ UpdateItem", |round| round.cas, |round| round.update_item),
        ("(refresh − hello) ÷ GetItem", |round| round.refresh, |round| round.get_item),
    ];
    let mut rows = Vec::new();
    for (measure, route, call) in routes {
        for row in ratios("a1", measure, rounds, [route, hello, call]) {
            let row = row.how("closed loop, one at a time, 7 rounds of 2 s by turns");
            let explained = row.misses() && measure.contains("refresh");
            rows.push(if explained { row.note(WHY_REFRESH_IS_SLOW) } else { row });
        }
    }
    let absolute: [(&str, Of<Round>); 6] = [
        ("hello", hello),
        ("kv get", |round| round.get),
        ("kv cas", |round| round.cas),
        ("refresh", |round| round.refresh),
        ("GetItem by the SDK", |round| round.get_item),
        ("UpdateItem by the SDK", |round| round.update_item),
    ];
    rows.extend(absolute.into_iter().flat_map(|(measure, of)| absolutes("a1", measure, rounds, of)));
    rows
}

fn sk(key: &str) -> AttributeValue {
    AttributeValue::B(Blob::new([key.as_bytes(), &[0; 5]].concat()))
}

/// The storage call of a get, by the SDK alone.
fn get_item(bench: &Bench, time: Duration) -> Result<Times> {
    let pk = AttributeValue::S(format!("github#{INSTALLATION}"));
    repeat(&bench.stage.endpoint(), time, async |sdk| get(sdk, bench.stage.kv_table(), pk.clone(), sk(READ)).await)
}

/// The storage call of a cas, by the SDK alone.
fn update_item(bench: &Bench, time: Duration) -> Result<Times> {
    repeat(&bench.stage.endpoint(), time, async |sdk| {
        let update = sdk.update_item().table_name(bench.stage.kv_table());
        let update = update.key("pk", AttributeValue::S("bench".into())).key("sk", sk("sdk"));
        let update = update.update_expression("SET v = :v").condition_expression("attribute_not_exists(w)");
        update.expression_attribute_values(":v", AttributeValue::S("x".repeat(130))).send().await?;
        Ok(())
    })
}
