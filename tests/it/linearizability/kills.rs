//! The same clients over HTTP, while the one process that serves them is killed and started again.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::join_all;

use super::clients::Client;
use super::history::History;
use super::service::{Route, Service};
use super::{CLIENTS, ROUND, folder};
use crate::smoke::stack::{DataDir, Program, Stack, free_port};

/// How many rounds a history has. The process is killed once in each.
const ROUNDS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_of_a_killed_process_are_linearizable() {
    let (data, port, folder) = (DataDir::new("linearizability"), free_port(), folder(0));
    let mut stack = Stack::start(Program::Serve, &data, port);
    let connection = stack.connection().await;
    let history = History::new();
    let route = Route::Http { client: terrapi_watch::function::client().unwrap(), connection: &connection };
    let service = Service::new(route, &history);
    let mut violations = Vec::new();
    Client::new(&service, 0, 1).write_all().await;
    for round in 0..ROUNDS {
        let clients = (0..CLIENTS).map(|number| {
            let client = Client::new(&service, number, 77_000 + round);
            client.work(ROUND / CLIENTS as usize)
        });
        let killing = async {
            tokio::time::sleep(Duration::from_millis(100 + round * 60)).await;
            stack.kill();
            stack = Stack::start(Program::Serve, &data, port);
            stack.connection().await;
        };
        tokio::join!(join_all(clients), killing);
        history.end_round();
        violations.extend(Client::new(&service, CLIENTS, round).read_all().await);
    }
    violations.extend(history.violations(&folder));
    let failures = service.failures.lock().unwrap().clone();
    println!("{} operations, failures: {failures:?}", service.operations.load(Ordering::Relaxed));
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    std::fs::remove_dir_all(&folder).unwrap();
    stack.stop(&connection).await;
}
