//! Peak memory of a function's process.
//!
//! A function runs in a child process behind a runtime API of the test. The kernel's record of the child's largest
//! resident set is read each time the child asks for its next event.
#![expect(clippy::disallowed_methods, reason = "a child process is told by its environment what to serve")]

mod bodies;
mod chunks;
mod selections;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use terrapi::auth::KeyEnvironment;
use terrapi::http::lambda_service;
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, ManualClock, Settings};
use terrapi::store::{Store, StoreConfig, Tables, Timeouts};
use tokio::sync::watch;

use crate::events::sandbox::{Report, RuntimeApi};
use crate::events::template::Golden;
use crate::support::TestService;
use crate::support::service::{START, routes, signer};

const CHILD: &str = "memory::the_child_process_is_a_function";
const TOLD: &str = "TERRAPI_TEST_FUNCTION";
/// How the functions' allocator is set up.
const MALLOC: &str = "MALLOC_MMAP_THRESHOLD_";

/// What the child is told.
#[derive(Serialize, Deserialize)]
struct Told {
    function: String,
    endpoint: String,
    identity: String,
    kv: String,
    operations: String,
    blobs: String,
}

/// A request to a function.
pub struct Sent {
    pub method: Method,
    pub path: String,
    pub token: String,
    pub body: String,
}

impl Sent {
    fn event(&self) -> String {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let mut event = Golden::HttpApi.event(path, query);
        event["requestContext"]["http"]["method"] = self.method.as_str().into();
        event["headers"]["authorization"] = format!("Bearer {}", self.token).into();
        event["body"] = if self.body.is_empty() { Value::Null } else { self.body.as_str().into() };
        event.to_string()
    }
}

/// What a request cost.
#[derive(Debug)]
#[expect(dead_code, reason = "the answer is there for a failing test to show")]
pub struct Measured {
    pub status: u64,
    /// The answer's body, at most its first 200 bytes.
    pub answer: String,
    /// How much larger the process has been than after the first request, in bytes.
    pub grown_bytes: usize,
}

/// Sends the requests to one function, one after the other. The first one is the warm-up: growth counts from its end.
pub async fn measure(service: &TestService, function: &str, requests: &[Sent]) -> Vec<Measured> {
    let (peaks, mut peaks_seen) = watch::channel(Vec::new());
    let process = Arc::new(OnceLock::new());
    let observed = Arc::clone(&process);
    let asked = move || peaks.send_modify(|peaks| peaks.push(observed.get().map_or(0, |id| peak_bytes(*id))));
    let mut api = RuntimeApi::observed(requests.iter().map(Sent::event).collect(), asked).await;
    let tables = &service.backend.tables;
    let told = Told {
        function: function.to_owned(),
        endpoint: service.backend.endpoint.clone(),
        identity: tables.identity.clone(),
        kv: tables.kv.clone(),
        operations: tables.operations.clone(),
        blobs: service.blobs.path().display().to_string(),
    };
    let mut child = api.child(CHILD);
    let child = child.env(TOLD, serde_json::to_string(&told).unwrap()).env(MALLOC, deployed(MALLOC));
    let child = child.spawn().unwrap();
    process.set(child.id().unwrap()).unwrap();
    let reports = api.reports(requests.len()).await;
    let all = peaks_seen.wait_for(|peaks| peaks.len() > requests.len());
    let peaks = tokio::time::timeout(Duration::from_secs(10), all).await.unwrap().unwrap().clone();
    drop(child);
    let measured = |(number, report): (usize, Report)| Measured {
        status: report.1["statusCode"].as_u64().unwrap_or_else(|| panic!("{report:?}")),
        answer: report.1["body"].as_str().unwrap_or_default().chars().take(200).collect(),
        grown_bytes: peaks[number + 1] - peaks[1],
    };
    reports.into_iter().enumerate().map(measured).collect()
}

/// The value that the template gives every function for this variable.
fn deployed(variable: &str) -> String {
    let template = include_str!("../../../template.yaml");
    let value = template.lines().find_map(|line| line.trim().strip_prefix(variable)?.strip_prefix(':'));
    value.unwrap().trim().trim_matches('"').to_owned()
}

/// The largest resident set that the process has had, in bytes (`VmHWM`, proc(5)).
fn peak_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Does nothing, except in the child that [`measure`] starts.
#[tokio::test]
async fn the_child_process_is_a_function() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let told: Told = serde_json::from_str(&told).unwrap();
    let config = StoreConfig {
        tables: Tables { identity: told.identity, kv: told.kv, operations: told.operations },
        endpoint: Some(told.endpoint),
        region: "us-east-1".into(),
        credentials: aws_sdk_dynamodb::config::Credentials::new("test", "test", None, None, "test"),
        blobs: Some(format!("file://{}", told.blobs)),
        timeouts: Timeouts { attempt: Duration::from_secs(3), operation: Duration::from_secs(20) },
    };
    let settings = Settings {
        issuer: "terrapi".into(),
        public_base_url: None,
        listed_origins: ListedOrigins::default(),
        administrators: terrapi::domain::Administrators::default(),
        key_environment: KeyEnvironment::Test,
        rates: terrapi::runtime::RateLimits::default(),
        app_name: "terrapi".into(),
        membership_max_age: terrapi::domain::MembershipMaxAge::default(),
    };
    let app = App::new(Store::new(&config).unwrap(), Arc::new(ManualClock::at(START)), settings);
    app.warm_up().await;
    let (_, routes) = routes(&signer()).into_iter().find(|(name, _)| *name == told.function).unwrap();
    terrapi::lambda::run(lambda_service(routes, app)).await.unwrap();
}
