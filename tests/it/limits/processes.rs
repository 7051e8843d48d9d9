//! Rate limits across several processes with one engine, in real time.
#![expect(clippy::disallowed_methods, reason = "the test starts itself again, and passes parameters to its children")]

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use terrapi::auth::KeyEnvironment;
use terrapi::domain::KeyId;
use terrapi::domain::rate::RateLimitKey;
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, Settings, SystemClock};
use terrapi::store::{Store, StoreConfig, Tables, Timeouts};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::{callers, some_key};
use crate::support::TestService;
use crate::support::backend::aws;

const CHILD_INPUT: &str = "TERRAPI_TEST_LIMITED_PROCESS";
/// How many processes share one key.
const PROCESSES: [usize; 3] = [1, 8, 32];
const RATE: u32 = 50;
const BURST: u32 = 100;

/// The parameters of a child process.
#[derive(Serialize, Deserialize)]
struct ChildInput {
    endpoint: String,
    identity: String,
    key: KeyId,
    /// The pause between two requests of a child.
    gap_ms: u64,
    seconds: u64,
}

/// The result of a child process.
#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    sent: u64,
    passed: u64,
    first_ms: u64,
    last_ms: u64,
}

/// What the children of one key did together.
struct Outcome {
    processes: usize,
    sent: u64,
    passed: u64,
    /// From the start of the first child to the end of the last one: a slow machine starts them one after the other.
    duration_ms: u64,
    /// To storage.
    calls: u64,
}

/// Runs the test `name` once more in so many child processes, which together send `rate` requests a second with one key.
async fn run(name: &str, processes: usize, rate: u64, seconds: u64) -> Outcome {
    let service = TestService::new().await;
    let input = ChildInput {
        endpoint: service.faulty.endpoint().to_owned(),
        identity: service.backend.tables.identity.clone(),
        key: some_key(),
        gap_ms: processes as u64 * 1_000 / rate,
        seconds,
    };
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("limits::processes::{name}"), "--nocapture"])
            .env(CHILD_INPUT, serde_json::to_string(&input).unwrap())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..processes).map(|_| start()).collect();
    let counted = futures::future::join_all(children.into_iter().map(read)).await;
    let sum = |of: fn(&Counted) -> u64| counted.iter().map(of).sum();
    let first_ms = counted.iter().map(|counted| counted.first_ms).min().unwrap();
    let last_ms = counted.iter().map(|counted| counted.last_ms).max().unwrap();
    let outcome = Outcome {
        processes,
        sent: sum(|counted| counted.sent),
        passed: sum(|counted| counted.passed),
        duration_ms: last_ms - first_ms,
        calls: service.faulty.ledger().take().len() as u64,
    };
    let Outcome { sent, passed, duration_ms, calls, .. } = outcome;
    println!("{processes} processes: {passed} of {sent} passed in {duration_ms} ms with {calls} calls");
    outcome
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_above_the_limit_are_refused_the_surplus() {
    if let Ok(input) = std::env::var(CHILD_INPUT) {
        return child(serde_json::from_str(&input).unwrap()).await;
    }
    let name = "processes_above_the_limit_are_refused_the_surplus";
    // Eight times the limit.
    for outcome in futures::future::join_all(PROCESSES.map(|processes| run(name, processes, 400, 12))).await {
        let Outcome { processes, sent, passed, duration_ms, calls } = outcome;
        let due = u64::from(BURST) + u64::from(RATE) * duration_ms / 1_000;
        // A sandbox lets through two batches of 25 at most that it has not reported.
        let ahead = if processes > 8 { processes as u64 * 51 } else { due / 5 };
        assert!(passed <= due + ahead, "{processes} processes: {passed} passed, {due} were due");
        assert!(passed * 10 >= due * 8, "{processes} processes: {passed} passed, {due} were due");
        assert!(calls * 18 <= sent, "{processes} processes: {calls} calls for {sent} requests");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_below_the_limit_refuse_nothing() {
    if let Ok(input) = std::env::var(CHILD_INPUT) {
        return child(serde_json::from_str(&input).unwrap()).await;
    }
    let name = "processes_below_the_limit_refuse_nothing";
    // 74 % of the limit. One call serves 20 requests over a long time; 16 seconds are short for eight processes.
    for outcome in futures::future::join_all(PROCESSES.map(|processes| run(name, processes, 37, 16))).await {
        let Outcome { processes, sent, passed, calls, .. } = outcome;
        assert!(sent > 200 && passed == sent, "{processes} processes: {passed} of {sent} passed");
        assert!(calls * 18 <= sent, "{processes} processes: {calls} calls for {sent} requests");
    }
}

async fn read(mut child: tokio::process::Child) -> Counted {
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).await.unwrap();
    assert!(child.wait().await.unwrap().success(), "{text}");
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}"));
    serde_json::from_str(line).unwrap()
}

/// Sends requests from one sandbox, each after the answer to the one before.
async fn child(input: ChildInput) {
    let rates = callers(RATE, BURST);
    let settings = Settings {
        issuer: "terrapi".into(),
        public_base_url: None,
        listed_origins: ListedOrigins::default(),
        administrators: terrapi::domain::Administrators::default(),
        key_environment: KeyEnvironment::Test,
        rates,
        membership_max_age: terrapi::domain::MembershipMaxAge::default(),
        app_name: "terrapi".into(),
    };
    let config = StoreConfig {
        tables: Tables { identity: input.identity, kv: String::new(), operations: String::new() },
        endpoint: Some(input.endpoint),
        aws: aws("test"),
        blobs: None,
        timeouts: Timeouts { attempt: Duration::from_secs(3), operation: Duration::from_secs(20) },
    };
    let app = App::new(Store::without_blobs(&config).unwrap(), Arc::new(SystemClock), settings);
    let now_ms = || u64::try_from(app.clock.now().0).unwrap();
    let (began, first_ms) = (Instant::now(), now_ms());
    let (mut sent, mut passed) = (0, 0);
    while began.elapsed() < Duration::from_secs(input.seconds) {
        let spent = app.spend(RateLimitKey::Key(input.key)).await.unwrap();
        sent += 1;
        passed += u64::from(spent.retry_after_seconds.is_none());
        tokio::time::sleep(Duration::from_millis(input.gap_ms)).await;
    }
    println!("\n{}", serde_json::to_string(&Counted { sent, passed, first_ms, last_ms: now_ms() }).unwrap());
}
