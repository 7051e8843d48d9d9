//! The lease of a task: one worker at a time holds it.

use terrapi::domain::{Millis, TaskId, TaskState};
use terrapi::runtime::{Clock, Random};
use terrapi::store::operations::{LEASE_MS, LeaseLost, TaskLease, TaskRelease};

use crate::installations::{INSTALLATION, REFRESH, token};
use crate::support::TestService;

const MORE: TaskRelease = TaskRelease { not_before: None, error: None };

async fn begun(service: &TestService) -> TaskId {
    let begun = service.call(http::Method::POST, REFRESH, &token(service), None).await.ok();
    TaskId::parse(begun["id"].as_str().unwrap()).unwrap()
}

async fn take(service: &TestService, id: TaskId) -> Option<TaskLease> {
    service.app.store.lease_task(id, Random::default().id().unwrap(), service.clock.now()).await.unwrap()
}

async fn state(service: &TestService, id: TaskId) -> TaskState {
    service.app.store.find_task(id, service.clock.now().seconds()).await.unwrap().unwrap().state
}

#[tokio::test]
async fn one_of_two_concurrent_workers_gets_the_task_lease() {
    let service = TestService::new().await;
    let id = begun(&service).await;
    let gate = service.faulty.on("UpdateItem").hold_before_store();
    let opening = async {
        gate.arrived(2).await;
        gate.release();
    };
    let (one, other, ()) = futures::join!(take(&service, id), take(&service, id), opening);
    assert!(one.is_some() != other.is_some());
    assert!(take(&service, id).await.is_none(), "nor has a third");
    assert_eq!(state(&service, id).await, TaskState::Running);
}

#[tokio::test]
async fn lease_with_a_lost_answer_is_held() {
    let service = TestService::new().await;
    let id = begun(&service).await;
    let lost = service.faulty.on("UpdateItem").nth(1).cut_after_store();
    let mut turn = take(&service, id).await.unwrap();
    assert_eq!((lost.count(), turn.failures), (1, 0));
    service.app.store.step_task(&mut turn, "here".into(), service.clock.now()).await.unwrap().unwrap();
}

#[tokio::test]
async fn task_of_a_dead_worker_resumes_after_its_lease() {
    let service = TestService::new().await;
    let id = begun(&service).await;
    let store = &service.app.store;
    let mut dead = take(&service, id).await.unwrap();
    service.clock.advance_ms(LEASE_MS - 1);
    assert!(take(&service, id).await.is_none());
    dead.task.progress = 100;
    store.step_task(&mut dead, "page 2".into(), service.clock.now()).await.unwrap().unwrap();
    service.clock.advance_ms(LEASE_MS - 1);
    assert!(take(&service, id).await.is_none(), "a step holds it for longer");
    assert_eq!(store.wake_tasks(service.clock.now()).await.unwrap(), 0);
    service.clock.advance_ms(1);
    assert_eq!(store.wake_tasks(service.clock.now()).await.unwrap(), 1);
    let next = take(&service, id).await.unwrap();
    assert_eq!((next.cursor.as_deref(), next.task.progress, next.failures), (Some("page 2"), 100, 1));
    let now = service.clock.now();
    assert_eq!(store.step_task(&mut dead, "page 3".into(), now).await.unwrap(), Err(LeaseLost));
    assert_eq!(store.release_task(&dead, &MORE, now).await.unwrap(), Err(LeaseLost));
    assert_eq!(store.finish_task(&dead, TaskState::Completed, None, now).await.unwrap(), Err(LeaseLost));
    assert_eq!(state(&service, id).await, TaskState::Running);
}

#[tokio::test]
async fn waiting_task_is_woken_once_when_due() {
    let service = TestService::new().await;
    let id = begun(&service).await;
    let turn = take(&service, id).await.unwrap();
    let until = Millis(service.clock.now().0 + 600_000);
    let how = TaskRelease { not_before: Some(until), error: Some("GitHub was away".into()) };
    service.app.store.release_task(&turn, &how, service.clock.now()).await.unwrap().unwrap();
    service.clock.advance_ms(599_999);
    assert!(take(&service, id).await.is_none());
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 0);
    service.clock.advance_ms(1);
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 1);
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 0, "it was asked a moment ago");
    service.clock.advance_ms(60_000);
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 1, "nobody came");
    let turn = take(&service, id).await.unwrap();
    assert_eq!((turn.failures, turn.last_error.as_deref()), (1, Some("GitHub was away")));
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 0, "somebody has it");
}

#[tokio::test]
async fn ended_task_allows_the_next_and_never_reappears() {
    let service = TestService::new().await;
    let (id, store) = (begun(&service).await, &service.app.store);
    let turn = take(&service, id).await.unwrap();
    assert_eq!(begun(&service).await, id);
    let lost = service.faulty.on("TransactWriteItems").nth(1).cut_after_store();
    store.finish_task(&turn, TaskState::Failed, Some("no luck"), service.clock.now()).await.unwrap().unwrap();
    assert_eq!(lost.count(), 1);
    let path = format!("/api/v1/tasks/{id}");
    let task = service.get(&path, &token(&service)).await.ok();
    assert_eq!((&task["state"], &task["error"]), (&"failed".into(), &"no luck".into()));
    service.clock.advance_ms(LEASE_MS);
    assert!(take(&service, id).await.is_none());
    assert_eq!(store.wake_tasks(service.clock.now()).await.unwrap(), 0);
    let next = begun(&service).await;
    assert_ne!(next, id);
    let next = take(&service, next).await.unwrap();
    let terrapi::domain::Work::RefreshRepositories { generation } = next.task.work;
    assert_eq!((generation, next.task.namespace), (2, INSTALLATION));
}

#[tokio::test]
async fn more_open_tasks_than_a_page_are_all_found() {
    let service = TestService::new().await;
    for installation in 1..=7 {
        service.install(installation, terrapi::domain::InstallationState::Installed).await;
        let namespace = terrapi::domain::Namespace {
            installation: terrapi::domain::InstallationId::new(installation),
            ..INSTALLATION
        };
        let fresh = TaskId::new(Random::default().id().unwrap());
        service.app.store.start_refresh(namespace, service.user, fresh, service.clock.now()).await.unwrap();
    }
    assert_eq!(
        service.app.store.wake_tasks(service.clock.now()).await.unwrap(),
        0,
        "the stream has told of them just now"
    );
    service.clock.advance_ms(60_000);
    service.faulty.on("Query").page_of(3);
    assert_eq!(service.app.store.wake_tasks(service.clock.now()).await.unwrap(), 7);
}

/// Whether a call is the write that wakes something.
fn wakes(body: &serde_json::Value) -> bool {
    body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("SET wake"))
}

#[tokio::test]
async fn wake_keeps_the_pause_of_a_task_handed_over_meanwhile() {
    let service = TestService::new().await;
    let (id, store) = (begun(&service).await, &service.app.store);
    let slow = take(&service, id).await.unwrap();
    service.clock.advance_ms(LEASE_MS);
    let now = service.clock.now();
    let gate = service.faulty.on("UpdateItem").matching(wakes).hold_before_store();
    let release = async {
        gate.arrived(1).await;
        let how = TaskRelease { not_before: Some(Millis(now.0 + 600_000)), error: Some("GitHub was away".into()) };
        store.release_task(&slow, &how, now).await.unwrap().unwrap();
        gate.release();
    };
    let (woken, ()) = futures::join!(store.wake_tasks(now), release);
    assert_eq!(woken.unwrap(), 0);
    assert!(take(&service, id).await.is_none(), "its time has not come");
}

#[tokio::test]
async fn task_is_not_taken_from_a_worker_that_stepped_meanwhile() {
    let service = TestService::new().await;
    let (id, store) = (begun(&service).await, &service.app.store);
    let mut slow = take(&service, id).await.unwrap();
    service.clock.advance_ms(LEASE_MS);
    let takes = |body: &serde_json::Value| body["UpdateExpression"].as_str().is_some_and(|set| set.contains("turn = "));
    let gate = service.faulty.on("UpdateItem").matching(takes).hold_before_store();
    let now = service.clock.now();
    let step = async {
        gate.arrived(1).await;
        store.step_task(&mut slow, "page 2".into(), now).await.unwrap().unwrap();
        gate.release();
    };
    let (other, ()) = futures::join!(take(&service, id), step);
    assert!(other.is_none(), "the worker was slow, not dead");
    store.step_task(&mut slow, "page 3".into(), now).await.unwrap().unwrap();
}
