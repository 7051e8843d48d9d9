//! Peak memory of a function's process.
//!
//! A function runs in a child process behind a runtime API of the test. The kernel's record of the child's largest
//! resident set is read each time the child asks for its next event.
#![expect(clippy::disallowed_methods, reason = "a variable passes parameters to the child process")]

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
use crate::support::backend::aws;
use crate::support::service::{START, routes, signer};

const CHILD: &str = "memory::child_process_serves_a_function";
const CHILD_INPUT: &str = "TERRAPI_TEST_FUNCTION";
/// The environment variable that configures the functions' allocator.
const MALLOC: &str = "MALLOC_MMAP_THRESHOLD_";

/// The parameters of the child process.
#[derive(Serialize, Deserialize)]
struct ChildInput {
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

/// The result of a request.
#[derive(Debug)]
#[expect(dead_code, reason = "only the output of a failing test shows it")]
pub struct Measured {
    pub status: u64,
    /// At most the first 200 bytes of the response body.
    pub answer: String,
    /// The growth of the process's peak memory since the first request, in bytes.
    pub grown_bytes: usize,
}

/// Sends the requests to one function one after the other. The first one is the warm-up; growth is measured from its
/// end.
pub async fn measure(service: &TestService, function: &str, requests: &[Sent]) -> Vec<Measured> {
    let (peaks, mut peaks_seen) = watch::channel(Vec::new());
    let process = Arc::new(OnceLock::new());
    let observed = Arc::clone(&process);
    let asked = move || peaks.send_modify(|peaks| peaks.push(observed.get().map_or(0, |id| peak_bytes(*id))));
    let mut api = RuntimeApi::observed(requests.iter().map(Sent::event).collect(), asked).await;
    let tables = &service.backend.tables;
    let input = ChildInput {
        function: function.to_owned(),
        endpoint: service.backend.endpoint.clone(),
        identity: tables.identity.clone(),
        kv: tables.kv.clone(),
        operations: tables.operations.clone(),
        blobs: service.blobs.path().display().to_string(),
    };
    let mut child = api.child(CHILD);
    let child = child.env(CHILD_INPUT, serde_json::to_string(&input).unwrap()).env(MALLOC, deployed(MALLOC));
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

/// The value of a variable that the template sets for every function.
fn deployed(variable: &str) -> String {
    let template = include_str!("../../../template.yaml");
    let value = template.lines().find_map(|line| line.trim().strip_prefix(variable)?.strip_prefix(':'));
    value.unwrap().trim().trim_matches('"').to_owned()
}

/// The peak resident set size of a process, in bytes (`VmHWM`, proc(5)).
fn peak_bytes(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}

/// Does nothing, except in the child process that [`measure`] starts.
#[tokio::test]
async fn child_process_serves_a_function() {
    let Ok(input) = std::env::var(CHILD_INPUT) else { return };
    let input: ChildInput = serde_json::from_str(&input).unwrap();
    let config = StoreConfig {
        tables: Tables { identity: input.identity, kv: input.kv, operations: input.operations },
        endpoint: Some(input.endpoint),
        aws: aws("test"),
        blobs: Some(format!("file://{}", input.blobs)),
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
    let (_, routes) = routes(&signer()).into_iter().find(|(name, _)| *name == input.function).unwrap();
    terrapi::lambda::run(lambda_service(routes, app)).await.unwrap();
}
