//! Linearizability: clients of several processes, with the worker folding concurrently and faults between them and
//! storage. Every operation must appear to take effect at one moment between its request and its answer.
//!
//! `make test-linearizability SEEDS=… OPERATIONS=…` runs more than `make test` does.

mod clients;
mod faults;
mod history;
mod kills;
mod model;
mod processes;
mod service;
mod stream;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use futures::future::join_all;

use crate::support::TestService;
use clients::Client;
use history::History;
use processes::Function;
use service::{Route, Service};

const CLIENTS: u32 = 12;
const KV_STORES: usize = 4;
const WORKERS: usize = 2;
/// The number of operations in a round. After each round the faults end, late calls are executed, and invariants are
/// checked.
const ROUND: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "variables can request a longer run")]
async fn histories_under_faults_are_linearizable() {
    let variable = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let operations = variable("TERRAPI_TEST_OPERATIONS").map_or(3_000, |text| text.parse().unwrap());
    let seeds = variable("TERRAPI_TEST_SEEDS").unwrap_or_else(|| "1 2 3".into());
    let mut violations = Vec::new();
    for seed in seeds.split_whitespace().map(|seed| seed.parse().unwrap()) {
        violations.extend(campaign(seed, operations).await);
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Runs one campaign. Returns the violations found, with the seed.
async fn campaign(seed: u64, operations: usize) -> Vec<String> {
    let (began, folder) = (Instant::now(), folder(seed));
    let fixture = TestService::seeded(seed).await;
    let kv_store = Function::start(&fixture, "kv-store", KV_STORES, 4, &folder).await;
    let worker = Function::start(&fixture, "worker", WORKERS, 1, &folder).await;
    let (history, mut changes) = (History::new(), stream::changes(&fixture));
    let route = Route::Events { fixture: &fixture, function: &kv_store };
    let service = Service::new(route, &history);
    let (mut violations, mut struck) = (Vec::new(), BTreeMap::<_, usize>::new());
    Client::new(&service, 0, seed).write_all().await;
    for round in 0..operations.div_ceil(ROUND) {
        let faults = faults::inject(&fixture);
        let clients = (0..CLIENTS).map(|number| {
            let client = Client::new(&service, number, seed.wrapping_mul(1_000) + round as u64);
            client.work(ROUND / CLIENTS as usize)
        });
        let clients = async {
            join_all(clients).await;
            fixture.faulty.heal();
            fixture.faulty.settled().await;
        };
        stream::follow_while(&mut changes, &worker, clients).await;
        history.end_round();
        let unfolded = fixture.fold().await;
        if unfolded > 0 {
            violations.push(format!("round {round}: the head names {unfolded} commits although the worker is idle"));
        }
        violations.extend(Client::new(&service, CLIENTS, seed).read_all().await);
        for (name, hits) in faults {
            *struck.entry(name).or_default() += hits.count();
        }
    }
    let (failures, worked) = (service.failures.lock().unwrap().clone(), began.elapsed());
    violations.extend(history.violations(&folder));
    println!(
        "seed {seed}: {} operations in {} s, checked in {} s\n  faults: {struck:?}\n  failures: {failures:?}",
        service.operations.into_inner(),
        worked.as_secs(),
        (began.elapsed() - worked).as_secs(),
    );
    if violations.is_empty() {
        fs::remove_dir_all(&folder).unwrap();
    }
    violations.into_iter().map(|violation| format!("seed {seed}: {violation}")).collect()
}

/// The folder for a run's logs and visualizations. It is kept if the run found a violation.
fn folder(seed: u64) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("terrapi-linearizability-{}-{seed}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}
