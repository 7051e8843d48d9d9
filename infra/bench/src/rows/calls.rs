//! d1: the storage calls of each route and their units. d2: services that it must not call at all.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use terrapi::runtime::{Clock as _, SystemClock};

use crate::events::{body, event};
use crate::faulty::Call;
use crate::http::Server;
use crate::organization::Organization;
use crate::process::{Function, Sandbox};
use crate::report::Row;
use crate::runtime_api::{Event, Until};
use crate::seed::{INSTALLATION, record_path};
use crate::stats::Spread;
use crate::{Bench, Result};

const KV: &str = "/api/v1/github/kv/12345";

/// The budget of each route, for values below 1 KB. Changing this table is a decision.
const BUDGET: &[(&str, &[&str])] = &[
    ("refresh", &["GetItem 1.0 RU", "PutItem 2.0 WU", "UpdateItem 1.0 WU"]),
    ("refresh, again within the minute", &["GetItem 1.0 RU", "PutItem 2.0 WU"]),
    ("jwks, the first in ten seconds", &["Query 1.0 RU"]),
    ("jwks", &[]),
    ("kv get, with a new token", &["GetItem 1.0 RU", "GetItem 1.0 RU"]),
    ("kv get", &["GetItem 1.0 RU"]),
    ("kv set, new", &["UpdateItem 1.0 WU"]),
    ("kv set, over another", &["UpdateItem 1.0 WU"]),
    ("kv cas", &["UpdateItem 1.0 WU"]),
    ("kv set, staged", &["UpdateItem 1.0 WU"]),
    // The record is read again after the head.
    ("kv get, staged beside it", &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU"]),
    // A commit reads the head and its records, and after the publication the records again: it answers with those that it
    // published.
    (
        "kv commit of 1, the installation's first",
        &[
            "BatchGetItem 1.0 RU",
            "BatchGetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 1.0 WU",
            "PutItem 1.0 WU",
            "UpdateItem 0.0 WU ConditionalCheckFailedException",
        ],
    ),
    // The commit's parts list 23 bytes for each record, and its key; the head names the commit.
    (
        "kv commit of 150",
        &[
            "BatchGetItem 100.0 RU",
            "BatchGetItem 100.0 RU",
            "BatchGetItem 50.0 RU",
            "BatchGetItem 50.0 RU",
            "GetItem 1.0 RU",
            "PutItem 5.0 WU",
            "UpdateItem 1.0 WU",
        ],
    ),
    // A sandbox reads a commit's list once, and not at all if it has published it.
    ("kv get, published and not folded, the first", &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU"]),
    ("kv get, published and not folded", &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU"]),
    ("kv count", &["GetItem 1.0 RU", "Query 1.0 RU"]),
    ("kv size", &["GetItem 1.0 RU", "Query 1.0 RU"]),
    ("kv delete of one idx", &["UpdateItem 1.0 WU"]),
    ("kv iter, page of 30", &["GetItem 1.0 RU", "Query 3.0 RU"]),
    // A team token is read with its team, its organization and the owners. Its use is recorded at most once a minute.
    (
        "refresh with a team token",
        &[
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 2.0 WU",
            "UpdateItem 1.0 WU",
        ],
    ),
    (
        "refresh with a team token, again within the minute",
        &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "PutItem 2.0 WU"],
    ),
    (
        "team token read, the caller's first in a minute",
        &[
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 2.0 WU",
            "UpdateItem 1.0 WU",
        ],
    ),
    (
        "team token read",
        &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU"],
    ),
    (
        "team tokens, list of 100",
        &["GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "GetItem 1.0 RU", "Query 7.0 RU"],
    ),
    // Two units for each row of a transaction: the row that gives the right, the team, the new token and the replaced one.
    (
        "team token create, in place of another",
        &[
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 2.0 WU",
            "TransactWriteItems 8.0 WU",
        ],
    ),
    (
        "team token delete",
        &[
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 2.0 WU",
            "TransactWriteItems 6.0 WU",
        ],
    ),
    (
        "team token create, the team's only one",
        &[
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "GetItem 1.0 RU",
            "PutItem 2.0 WU",
            "TransactWriteItems 6.0 WU",
        ],
    ),
];

/// The functions, with the meter between them and the engine.
struct Metered<'a> {
    bench: &'a Bench,
    kv_store: Sandbox,
    token_refresh: Sandbox,
    team_tokens: Sandbox,
    token: String,
}

impl Metered<'_> {
    fn kv(&self, method: &str, target: &str, body: Option<&Value>) -> Result<String> {
        self.kv_store.call(&event(method, &format!("{KV}/{target}"), &self.token, body))
    }

    /// Sends one request and records its calls.
    fn meter(
        &self,
        measured: &mut Vec<(&'static str, Vec<String>)>,
        name: &'static str,
        request: impl FnOnce(&Self) -> Result<String>,
    ) -> Result<String> {
        self.bench.meter.ledger().take();
        let answer = request(self).map_err(|error| format!("{name}: {error}"))?;
        measured.push((name, lines(&settled(self.bench))));
        Ok(answer)
    }

    /// Calls every route once.
    fn routes(&self) -> Result<Vec<(&'static str, Vec<String>)>> {
        let mut measured = Vec::new();
        let small = json!({"data": "x".repeat(100)});
        let staged = json!({"data": "y".repeat(100), "committed": false});
        let key = run_to_end(self.bench.stage.api_key())?;
        let refresh = |all: &Self| all.token_refresh.call(&event("POST", "/api/v1/access-token/refresh", &key, None));
        wait_for_new_minute();
        self.meter(&mut measured, "refresh", refresh)?;
        self.meter(&mut measured, "refresh, again within the minute", refresh)?;
        let jwks = |all: &Self| all.token_refresh.call(&event("GET", "/.well-known/jwks.json", "t", None));
        self.meter(&mut measured, "jwks, the first in ten seconds", jwks)?;
        self.meter(&mut measured, "jwks", jwks)?;

        self.kv_set_up(&small)?;
        let fresh = self.bench.stage.token()?;
        let get = |token: &str| event("GET", &record_path(INSTALLATION, "d/old"), token, None);
        self.meter(&mut measured, "kv get, with a new token", |all| all.kv_store.call(&get(&fresh)))?;
        let found = self.meter(&mut measured, "kv get", |all| all.kv("GET", "key/d/old", None))?;
        self.meter(&mut measured, "kv set, new", |all| all.kv("PUT", "key/d/new", Some(&small)))?;
        self.meter(&mut measured, "kv set, over another", |all| all.kv("PUT", "key/d/new", Some(&small)))?;
        let swap = json!({"data": "z".repeat(100), "version": body(&found).get("version")});
        self.meter(&mut measured, "kv cas", |all| all.kv("PUT", "cas/key/d/old", Some(&swap)))?;
        self.meter(&mut measured, "kv set, staged", |all| all.kv("PUT", "key/d/old", Some(&staged)))?;
        self.meter(&mut measured, "kv get, staged beside it", |all| all.kv("GET", "key/d/old", None))?;
        let commit =
            |keys: &[&str]| json!({"keys": keys.iter().map(|key| json!({"key": key, "idx": 0})).collect::<Vec<_>>()});
        let one = commit(&["d/old"]);
        self.meter(&mut measured, "kv commit of 1, the installation's first", |all| {
            all.kv("POST", "commit", Some(&one))
        })?;
        let published = |all: &Self| all.kv("GET", "key/d/old", None);
        self.meter(&mut measured, "kv get, published and not folded, the first", published)?;
        self.meter(&mut measured, "kv get, published and not folded", published)?;
        let keys: Vec<String> = (0..150).map(|number| format!("d/many/{number}")).collect();
        for key in &keys {
            self.kv("PUT", &format!("key/{key}"), Some(&staged))?;
        }
        let many = commit(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        self.meter(&mut measured, "kv commit of 150", |all| all.kv("POST", "commit", Some(&many)))?;
        self.meter(&mut measured, "kv count", |all| all.kv("GET", "count/key/d/new", None))?;
        self.meter(&mut measured, "kv size", |all| all.kv("GET", "size/key/d/new", None))?;
        let page = |all: &Self| all.kv("GET", "iter/e/?prefix=true&limit=30", None);
        // The first page of a process also reads the seed of cursors, and the first of all creates it.
        page(self)?;
        self.meter(&mut measured, "kv iter, page of 30", page)?;
        self.meter(&mut measured, "kv delete of one idx", |all| all.kv("DELETE", "key/d/new?idx=0", None))?;
        self.team_tokens(&mut measured)?;
        Ok(measured)
    }

    /// Calls the routes of an organization whose team has 100 tokens.
    fn team_tokens(&self, measured: &mut Vec<(&'static str, Vec<String>)>) -> Result<()> {
        let organization = run_to_end(Organization::new(&self.bench.stage, "counted"))?;
        let exchange = |all: &Self| all.token_refresh.call(&organization.exchange());
        self.meter(measured, "refresh with a team token", exchange)?;
        self.meter(measured, "refresh with a team token, again within the minute", exchange)?;
        let routes = [
            ("team token read, the caller's first in a minute", organization.read()),
            ("team token read", organization.read()),
            ("team tokens, list of 100", organization.list()),
            ("team token create, in place of another", organization.create()),
            ("team token delete", organization.delete()),
            ("team token create, the team's only one", organization.create()),
        ];
        for (name, request) in routes {
            self.meter(measured, name, |all| all.team_tokens.call(&request))?;
        }
        Ok(())
    }

    fn kv_set_up(&self, value: &Value) -> Result<()> {
        self.kv("PUT", "key/d/old", Some(value))?;
        for number in 0..40 {
            self.kv("PUT", &format!("key/e/{number}"), Some(value))?;
        }
        Ok(())
    }
}

/// Starts functions behind the meter.
fn metered<'a>(bench: &'a Bench, secrets: &Server) -> Result<Metered<'a>> {
    let start = |function: Function| {
        let function = function.with("AWS_ENDPOINT_URL_DYNAMODB", bench.meter.endpoint());
        let other = format!("http://{}", secrets.address());
        let function = function.with("TERRAPI_SIGNING_KEYS", "arn:aws:secretsmanager:us-east-1:1:secret:bench");
        let function = function.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", other.clone());
        function.with("TERRAPI_BLOBS", format!("{other}/bench")).start()
    };
    let (stage, programs) = (&bench.stage, &bench.programs);
    let kv_store = start(stage.kv_store(programs))?;
    let token_refresh = start(stage.function(programs.function("token-refresh")))?;
    let team_tokens = start(stage.team_tokens(programs))?;
    Ok(Metered { bench, kv_store, token_refresh, team_tokens, token: stage.token()? })
}

/// A server in place of Secrets Manager and S3. It counts every call and answers with the signing keys.
fn counting_server(calls: &Arc<AtomicU64>) -> Result<Server> {
    let calls = Arc::clone(calls);
    let keys = json!({"SecretString": crate::seed::signing_keys()}).to_string();
    Ok(Server::start(move |mut connection| {
        while connection.receive()?.is_some() {
            calls.fetch_add(1, Ordering::SeqCst);
            connection.send("200 OK", "content-type: application/x-amz-json-1.1\r\n", keys.as_bytes())?;
        }
        Ok(())
    })?)
}

/// d1 and d2.
pub fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let calls = Arc::new(AtomicU64::new(0));
    let server = counting_server(&calls)?;
    let metered = metered(bench, &server)?;
    let mut rows = vec![budget(&metered.routes()?)];
    rows.extend(other_calls(&metered, &calls)?);
    Ok(rows)
}

#[expect(clippy::cast_precision_loss, reason = "a handful of routes")]
fn budget(measured: &[(&'static str, Vec<String>)]) -> Row {
    let mut wrong = Vec::new();
    let mut table = String::from("\n\n  | route | calls |\n  |---|---|\n");
    for (name, lines) in measured {
        let expected = BUDGET.iter().find(|(known, _)| known == name).map_or(&[][..], |(_, lines)| lines);
        let verdict = if lines == expected { String::new() } else { format!(" (budget: {})", expected.join(", ")) };
        let _ = writeln!(table, "  | {name} | {}{verdict} |", lines.join(", "));
        wrong.extend((lines != expected).then_some(*name));
    }
    wrong.extend(BUDGET.iter().map(|(name, _)| *name).filter(|name| measured.iter().all(|(known, _)| known != name)));
    Row::new("d1", "routes beyond their budget of calls and units", Spread::one(wrong.len() as f64), "")
        .at_most(0.0)
        .gate()
        .how("each route through its binary and a counting proxy; the budget is a table in the bench")
        .note(format!("storage calls on the warm path, values of 100 bytes:{table}"))
}

#[expect(clippy::cast_precision_loss, reason = "hardly any")]
fn other_calls(metered: &Metered<'_>, calls: &AtomicU64) -> Result<Vec<Row>> {
    let key = run_to_end(metered.bench.stage.api_key())?;
    let refresh: Event = event("POST", "/api/v1/access-token/refresh", &key, None);
    let get = event("GET", &record_path(INSTALLATION, "d/old"), &metered.bench.stage.token()?, None);
    metered.kv_store.call(&get)?;
    let before = calls.load(Ordering::SeqCst);
    metered.bench.meter.ledger().take();
    metered.kv_store.api.repeat(Until::Count(1_000), &get)?;
    metered.token_refresh.api.repeat(Until::Count(1_000), &refresh)?;
    let elsewhere = calls.load(Ordering::SeqCst) - before;
    let key_reads =
        settled(metered.bench).iter().filter(|call| call.request.to_string().contains("public-keys")).count();
    let row = |measure, count: f64| Row::new("d2", measure, Spread::one(count), "").at_most(0.0).gate();
    Ok(vec![
        row("Secrets Manager and S3 calls", elsewhere as f64)
            .how("1,000 warm gets and 1,000 warm exchanges; stand-ins count"),
        row("reads of the public keys", key_reads as f64).how("the same"),
    ])
}

/// The calls since the last time, once no more arrive.
pub fn settled(bench: &Bench) -> Vec<Call> {
    let (mut calls, began) = (Vec::new(), Instant::now());
    loop {
        // Background calls of an exchange follow its answer.
        sleep(Duration::from_millis(60));
        let more = bench.meter.ledger().take();
        if more.is_empty() || began.elapsed() > Duration::from_secs(5) {
            return calls;
        }
        calls.extend(more);
    }
}

/// The calls as text in alphabetical order, because some run concurrently.
pub fn lines(calls: &[Call]) -> Vec<String> {
    let mut lines: Vec<String> = calls.iter().map(Call::to_string).collect();
    lines.sort();
    lines
}

/// Runs a future outside of an async runtime.
pub fn run_to_end<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// A key's last use is recorded once in each minute of the clock. Waits so that two exchanges fall into the same one.
fn wait_for_new_minute() {
    let second = SystemClock.now().seconds().0.rem_euclid(60);
    if second > 50 {
        sleep(Duration::from_secs(61_u64.saturating_sub(second.unsigned_abs())));
    }
}
