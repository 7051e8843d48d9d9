//! The work on a task under a lease: its cursor, progress and failures.

use terrapi::domain::{TaskId, TaskState};
use terrapi::runtime::{Clock, Random};
use terrapi::store::operations::{LEASE_MS, LeaseLost, TaskLease, TaskRelease};

use crate::installations::{INSTALLATION, REFRESH, token};
use crate::support::TestService;

const MORE: TaskRelease = TaskRelease { not_before: None, error: None };

pub async fn begun(service: &TestService) -> TaskId {
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
async fn failed_lease_is_counted_with_its_error() {
    let service = TestService::new().await;
    let id = begun(&service).await;
    let turn = take(&service, id).await.unwrap();
    let how = TaskRelease { not_before: None, error: Some("GitHub was unavailable".into()) };
    service.app.store.release_task(&turn, &how, service.clock.now()).await.unwrap().unwrap();
    let turn = take(&service, id).await.unwrap();
    assert_eq!((turn.failures, turn.last_error.as_deref()), (1, Some("GitHub was unavailable")));
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
