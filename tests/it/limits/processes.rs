//! Rate limits across several processes with one engine, in real time.
#![expect(clippy::disallowed_methods, reason = "the test starts itself again, and passes parameters to its children")]

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use terrapi::auth::KeyEnvironment;
use terrapi::domain::KeyId;
use terrapi::domain::rate::RateLimitKey;
use terrapi::http::ListedOrigins;
use terrapi::runtime::{App, Settings, SystemClock};
use terrapi::store::{Store, StoreConfig, Tables, Timeouts};
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::{callers, some_key};
use crate::support::TestService;

const CHILD_INPUT: &str = "TERRAPI_TEST_LIMITED_PROCESS";
const PROCESSES: usize = 8;
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

/// Runs child processes, each of them the test `name` again. Returns each child's counts, and the total of storage
/// calls.
async fn run(name: &str, gap_ms: u64, seconds: u64) -> (Vec<Counted>, u64) {
    let service = TestService::new().await;
    let input = ChildInput {
        endpoint: service.faulty.endpoint().to_owned(),
        identity: service.backend.tables.identity.clone(),
        key: some_key(),
        gap_ms,
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
    let children: Vec<_> = (0..PROCESSES).map(|_| start()).collect();
    let counted = futures::future::join_all(children.into_iter().map(read)).await;
    (counted, service.faulty.ledger().take().len() as u64)
}

fn sum(counted: &[Counted], of: fn(&Counted) -> u64) -> u64 {
    counted.iter().map(of).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_at_full_speed_keep_to_the_limit() {
    if let Ok(input) = std::env::var(CHILD_INPUT) {
        return child(serde_json::from_str(&input).unwrap()).await;
    }
    let (counted, calls) = run("eight_processes_at_full_speed_keep_to_the_limit", 5, 8).await;
    let (sent, passed) = (sum(&counted, |counted| counted.sent), sum(&counted, |counted| counted.passed));
    // From the first start to the last end, since a slow machine starts the children one after the other.
    let first = counted.iter().map(|counted| counted.first_ms).min().unwrap();
    let last = counted.iter().map(|counted| counted.last_ms).max().unwrap();
    let due = u64::from(BURST) + u64::from(RATE) * (last - first) / 1_000;
    println!("{passed} of {due} passed with {calls} calls");
    // Two batches of 25 per process, less what the bucket refills meanwhile.
    assert!(passed <= due + due / 5 && passed * 10 >= due * 8, "{passed} passed, {due} were due: {counted:?}");
    assert!(calls * 20 <= sent, "{calls} calls for {sent} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_below_the_limit_refuse_nothing() {
    if let Ok(input) = std::env::var(CHILD_INPUT) {
        return child(serde_json::from_str(&input).unwrap()).await;
    }
    // 37 requests a second in total.
    let (counted, calls) = run("eight_processes_below_the_limit_refuse_nothing", 216, 16).await;
    let (sent, passed) = (sum(&counted, |counted| counted.sent), sum(&counted, |counted| counted.passed));
    println!("{passed} of {sent} passed with {calls} calls");
    assert!(sent > 200 && passed == sent, "{counted:?}");
    assert!(calls * 20 <= sent, "{calls} calls for {sent} requests");
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
        region: "us-east-1".into(),
        credentials: aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test"),
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
