//! Workers that die, run twice, or run concurrently.

use std::time::Duration;

use serde_json::json;
use terrapi::domain::Millis;
use terrapi::store::operations::LEASE_MS;
use worker::{BatchAnswer, work};

use super::{
    GET_CONTENTS, LIST, deadline_of_one_step, expected, read_task, run_timer, set_repositories, start_refresh,
    stored_repositories,
};
use crate::support::stand_in::Fault;
use crate::support::{StreamPump, TestService};

const EVER: Millis = Millis(i64::MAX);

/// Stores repositories 1, 2 and 3. At GitHub 2 is deleted, 3 has lost its workflow and 6 is new.
async fn refresh_then_change(service: &TestService, pump: &mut StreamPump) {
    set_repositories(service, [1, 2, 3]);
    start_refresh(service).await;
    pump.run(service).await;
    set_repositories(service, [1, 3, 6]);
    service.github.hub(|hub| hub.installation(12345).repositories[1].files.clear());
}

/// Asserts the result that a complete refresh must have.
async fn assert_next_worker_finishes(service: &TestService, pump: &mut StreamPump, task: &str, context: &str) {
    service.clock.advance_ms(LEASE_MS);
    run_timer(service).await;
    pump.run(service).await;
    let ended = read_task(service, task).await;
    assert_eq!(ended["state"], "completed", "{context}: {ended}");
    assert_eq!(stored_repositories(service).await, [(1, false), (3, false), (6, true)], "{context}");
    assert_ne!(start_refresh(service).await, task, "{context}: the next one may begin");
}

/// Kills a worker at its `call`th storage call and lets another one finish. Returns whether there was such a call.
async fn killed_at(call: usize, after_store: bool) -> bool {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    refresh_then_change(&service, &mut pump).await;
    let task = start_refresh(&service).await;
    let rule = service.faulty.on("*").nth(call);
    let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
    pump.run(&service).await;
    service.faulty.heal();
    // A batch that failed comes again; its records may find the task held.
    pump.run(&service).await;
    assert_next_worker_finishes(&service, &mut pump, &task, &format!("call {call}, after the store: {after_store}"))
        .await;
    hits.count() > 0
}

#[tokio::test]
async fn killed_worker_loses_and_duplicates_nothing() {
    for after_store in [false, true] {
        // Concurrently, because a dying worker spends its time on retries.
        let all = futures::future::join_all((1..=32).map(|call| killed_at(call, after_store))).await;
        let killed = all.iter().filter(|killed| **killed).count();
        assert!((13..32).contains(&killed), "{killed} calls were killed");
        assert!(all[..killed].iter().all(|killed| *killed), "no later call exists");
    }
}

#[tokio::test]
async fn next_worker_resumes_from_the_last_page() {
    for (route, asked_again) in [(LIST, 5), (GET_CONTENTS, 5)] {
        let service = TestService::new().await;
        let mut pump = StreamPump::new(&service, "operations");
        set_repositories(&service, 1..=105);
        let task = start_refresh(&service).await;
        pump.step(&service, deadline_of_one_step(&service)).await.unwrap();
        service.github.desk().take_seen();
        // The second turn hangs at this request and is killed.
        service.github.desk().fail(route, [Fault::Silence]);
        let event = pump.peek().unwrap();
        let app = service.app_of("worker");
        let dying = tokio::spawn(async move { work(&app, event, EVER).await });
        while !service.github.desk().take_seen().iter().any(|seen| seen == route) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        dying.abort();
        assert!(dying.await.unwrap_err().is_cancelled());
        service.github.desk().take_seen();
        assert_eq!(pump.run(&service).await, [BatchAnswer::default()], "the same event again finds the task held");
        assert!(service.github.desk().take_seen().is_empty());
        assert_eq!(read_task(&service, &task).await["state"], "running");
        service.clock.advance_ms(LEASE_MS);
        run_timer(&service).await;
        pump.run(&service).await;
        assert_eq!(read_task(&service, &task).await["state"], "completed");
        assert_eq!(stored_repositories(&service).await, expected(1..=105));
        let seen = service.github.desk().take_seen();
        assert_eq!(
            seen.iter().filter(|seen| *seen == GET_CONTENTS).count(),
            asked_again,
            "the first page is not asked for again"
        );
    }
}

#[tokio::test]
async fn task_fails_when_its_worker_always_dies() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1]);
    let task = start_refresh(&service).await;
    let mut deaths = 0;
    for _ in 0..8 {
        let hits = service.faulty.on("BatchGetItem").die_before_store();
        pump.run(&service).await;
        deaths += usize::from(hits.count() > 0);
        service.faulty.heal();
        service.clock.advance_ms(LEASE_MS);
        run_timer(&service).await;
    }
    pump.run(&service).await;
    assert_eq!(deaths, 5);
    let ended = read_task(&service, &task).await;
    assert_eq!(
        (&ended["state"], &ended["error"]),
        (&json!("failed"), &json!("the work was interrupted; given up after 5 attempts"))
    );
}

#[tokio::test]
async fn duplicate_event_does_its_work_once() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1, 2, 3]);
    let task = start_refresh(&service).await;
    let (first, second) = (pump.peek().unwrap(), pump.peek().unwrap());
    assert_eq!(work(&service.app_of("worker"), first, EVER).await, BatchAnswer::default());
    let ended = read_task(&service, &task).await;
    service.github.desk().take_seen();
    assert_eq!(work(&service.app_of("worker"), second, EVER).await, BatchAnswer::default());
    assert!(service.github.desk().take_seen().is_empty());
    assert_eq!(read_task(&service, &task).await, ended);
    assert_eq!(stored_repositories(&service).await, expected(1..=3));
}

#[tokio::test]
async fn worker_leaves_a_task_that_another_holds() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1, 2, 3]);
    let task = start_refresh(&service).await;
    let (first, second) = (pump.peek().unwrap(), pump.peek().unwrap());
    let gate = service.faulty.on("BatchGetItem").nth(1).hold_before_store();
    let overlapping = async {
        gate.arrived(1).await;
        service.github.desk().take_seen();
        assert_eq!(work(&service.app_of("worker"), second, EVER).await, BatchAnswer::default());
        assert!(service.github.desk().take_seen().is_empty(), "it calls no provider");
        assert_eq!(read_task(&service, &task).await["state"], "running");
        gate.release();
    };
    let worker = service.app_of("worker");
    let (answer, ()) = futures::join!(work(&worker, first, EVER), overlapping);
    assert_eq!(answer, BatchAnswer::default());
    assert_eq!(read_task(&service, &task).await["state"], "completed");
}

#[tokio::test]
async fn worker_with_an_expired_lease_writes_nothing() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1, 2]);
    let task = start_refresh(&service).await;
    let frozen = pump.peek().unwrap();
    pump.accept();
    let gate = service.faulty.on("BatchGetItem").nth(1).hold_before_store();
    let overtaking = async {
        gate.arrived(1).await;
        service.clock.advance_ms(LEASE_MS);
        run_timer(&service).await;
        pump.run(&service).await;
        // Meanwhile another refresh finds that one repository is gone and another is new.
        set_repositories(&service, [2, 3]);
        start_refresh(&service).await;
        pump.run(&service).await;
        gate.release();
    };
    let worker = service.app_of("worker");
    let (answer, ()) = futures::join!(work(&worker, frozen, EVER), overtaking);
    assert_eq!(answer, BatchAnswer::default());
    assert_eq!(read_task(&service, &task).await["state"], "completed");
    assert_eq!(stored_repositories(&service).await, expected([2, 3]), "the result of the later refresh stays");
}

#[tokio::test]
async fn task_is_redelivered_when_its_lease_write_fails() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1]);
    let task = start_refresh(&service).await;
    service.faulty.on("*").cut_before_store();
    assert_eq!(pump.run(&service).await.last().unwrap().failures.len(), 1);
    service.faulty.heal();
    assert_eq!(pump.run(&service).await, [BatchAnswer::default()]);
    assert_eq!(read_task(&service, &task).await["state"], "completed");
}

#[tokio::test]
async fn storage_failure_ends_the_lease_and_the_next_starts() {
    let service = TestService::new().await;
    let mut pump = StreamPump::new(&service, "operations");
    set_repositories(&service, [1, 2, 3]);
    let task = start_refresh(&service).await;
    let hits = service.faulty.on("BatchGetItem").first(4).cut_before_store();
    assert_eq!(pump.run(&service).await, [BatchAnswer::default(), BatchAnswer::default()]);
    assert_eq!(hits.count(), 4, "all attempts of one call");
    assert_eq!(read_task(&service, &task).await["state"], "completed");
    assert_eq!(stored_repositories(&service).await, expected(1..=3));
}
