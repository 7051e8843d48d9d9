//! One worker at a time holds a task.

use terrapi::domain::{Millis, TaskId, TaskState};
use terrapi::runtime::{Clock, Random};
use terrapi::store::operations::{HandOver, LEASE_MS, Lost, Turn};

use super::{REFRESH, here, token};
use crate::support::World;

const MORE: HandOver = HandOver { not_before: None, error: None };

async fn begun(world: &World) -> TaskId {
    let begun = world.call(http::Method::POST, REFRESH, &token(world), None).await.ok();
    TaskId::parse(begun["id"].as_str().unwrap()).unwrap()
}

async fn take(world: &World, id: TaskId) -> Option<Turn> {
    world.app.store.take_task(id, Random::default().id().unwrap(), world.clock.now()).await.unwrap()
}

async fn state(world: &World, id: TaskId) -> TaskState {
    world.app.store.find_task(id, world.clock.now().seconds()).await.unwrap().unwrap().state
}

#[tokio::test]
async fn of_two_workers_who_take_a_task_at_the_same_time_one_has_it() {
    let world = World::new().await;
    let id = begun(&world).await;
    let gate = world.faulty.on("UpdateItem").hold_before_store();
    let opening = async {
        gate.arrived(2).await;
        gate.release();
    };
    let (one, other, ()) = futures::join!(take(&world, id), take(&world, id), opening);
    assert!(one.is_some() != other.is_some());
    assert!(take(&world, id).await.is_none(), "nor has a third");
    assert_eq!(state(&world, id).await, TaskState::Running);
}

#[tokio::test]
async fn a_worker_that_never_heard_of_its_lease_has_it_all_the_same() {
    let world = World::new().await;
    let id = begun(&world).await;
    let lost = world.faulty.on("UpdateItem").nth(1).cut_after_store();
    let mut turn = take(&world, id).await.unwrap();
    assert_eq!((lost.count(), turn.failures), (1, 0));
    world.app.store.step_task(&mut turn, "here".into(), world.clock.now()).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dead_worker_s_task_is_taken_when_its_lease_is_over_and_goes_on_where_it_stopped() {
    let world = World::new().await;
    let id = begun(&world).await;
    let store = &world.app.store;
    let mut dead = take(&world, id).await.unwrap();
    world.clock.advance_ms(LEASE_MS - 1);
    assert!(take(&world, id).await.is_none());
    dead.task.progress = 100;
    store.step_task(&mut dead, "page 2".into(), world.clock.now()).await.unwrap().unwrap();
    world.clock.advance_ms(LEASE_MS - 1);
    assert!(take(&world, id).await.is_none(), "a step holds it for longer");
    assert_eq!(store.wake_tasks(world.clock.now()).await.unwrap(), 0);
    world.clock.advance_ms(1);
    assert_eq!(store.wake_tasks(world.clock.now()).await.unwrap(), 1);
    let next = take(&world, id).await.unwrap();
    assert_eq!((next.cursor.as_deref(), next.task.progress, next.failures), (Some("page 2"), 100, 1));
    let now = world.clock.now();
    assert_eq!(store.step_task(&mut dead, "page 3".into(), now).await.unwrap(), Err(Lost));
    assert_eq!(store.hand_over_task(&dead, &MORE, now).await.unwrap(), Err(Lost));
    assert_eq!(store.finish_task(&dead, TaskState::Completed, None, now).await.unwrap(), Err(Lost));
    assert_eq!(state(&world, id).await, TaskState::Running);
}

#[tokio::test]
async fn a_task_that_is_to_wait_is_woken_when_its_time_has_come_and_once() {
    let world = World::new().await;
    let id = begun(&world).await;
    let turn = take(&world, id).await.unwrap();
    let until = Millis(world.clock.now().0 + 600_000);
    let how = HandOver { not_before: Some(until), error: Some("GitHub was away".into()) };
    world.app.store.hand_over_task(&turn, &how, world.clock.now()).await.unwrap().unwrap();
    world.clock.advance_ms(599_999);
    assert!(take(&world, id).await.is_none());
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 0);
    world.clock.advance_ms(1);
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 1);
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 0, "it was asked a moment ago");
    world.clock.advance_ms(60_000);
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 1, "nobody came");
    let turn = take(&world, id).await.unwrap();
    assert_eq!((turn.failures, turn.last_error.as_deref()), (1, Some("GitHub was away")));
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 0, "somebody has it");
}

#[tokio::test]
async fn a_task_that_ends_makes_room_for_the_next_and_does_not_come_back() {
    let world = World::new().await;
    let (id, store) = (begun(&world).await, &world.app.store);
    let turn = take(&world, id).await.unwrap();
    assert_eq!(begun(&world).await, id);
    let lost = world.faulty.on("TransactWriteItems").nth(1).cut_after_store();
    store.finish_task(&turn, TaskState::Failed, Some("no luck"), world.clock.now()).await.unwrap().unwrap();
    assert_eq!(lost.count(), 1);
    let path = format!("/api/v1/tasks/{id}");
    let task = world.get(&path, &token(&world)).await.ok();
    assert_eq!((&task["state"], &task["error"]), (&"failed".into(), &"no luck".into()));
    world.clock.advance_ms(LEASE_MS);
    assert!(take(&world, id).await.is_none());
    assert_eq!(store.wake_tasks(world.clock.now()).await.unwrap(), 0);
    let next = begun(&world).await;
    assert_ne!(next, id);
    let next = take(&world, next).await.unwrap();
    let terrapi::domain::Work::RefreshRepositories { generation } = next.task.work;
    assert_eq!((generation, next.task.namespace), (2, here()));
}

#[tokio::test]
async fn more_open_tasks_than_a_page_are_all_found() {
    let world = World::new().await;
    for installation in 1..=7 {
        world.install(installation, terrapi::domain::InstallationState::Installed).await;
        let namespace =
            terrapi::domain::Namespace { installation: terrapi::domain::InstallationId::new(installation), ..here() };
        let fresh = TaskId::new(Random::default().id().unwrap());
        world.app.store.start_refresh(namespace, world.user, fresh, world.clock.now()).await.unwrap();
    }
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 0, "the stream has told of them just now");
    world.clock.advance_ms(60_000);
    world.faulty.on("Query").page_of(3);
    assert_eq!(world.app.store.wake_tasks(world.clock.now()).await.unwrap(), 7);
}

/// Whether a call is the write that wakes something.
fn wakes(body: &serde_json::Value) -> bool {
    body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("SET wake"))
}

#[tokio::test]
async fn wake_keeps_the_pause_of_a_task_handed_over_meanwhile() {
    let world = World::new().await;
    let (id, store) = (begun(&world).await, &world.app.store);
    let slow = take(&world, id).await.unwrap();
    world.clock.advance_ms(LEASE_MS);
    let now = world.clock.now();
    let gate = world.faulty.on("UpdateItem").matching(wakes).hold_before_store();
    let hand_over = async {
        gate.arrived(1).await;
        let how = HandOver { not_before: Some(Millis(now.0 + 600_000)), error: Some("GitHub was away".into()) };
        store.hand_over_task(&slow, &how, now).await.unwrap().unwrap();
        gate.release();
    };
    let (woken, ()) = futures::join!(store.wake_tasks(now), hand_over);
    assert_eq!(woken.unwrap(), 0);
    assert!(take(&world, id).await.is_none(), "its time has not come");
}

#[tokio::test]
async fn task_is_not_taken_from_a_worker_that_stepped_meanwhile() {
    let world = World::new().await;
    let (id, store) = (begun(&world).await, &world.app.store);
    let mut slow = take(&world, id).await.unwrap();
    world.clock.advance_ms(LEASE_MS);
    let takes = |body: &serde_json::Value| body["UpdateExpression"].as_str().is_some_and(|set| set.contains("turn = "));
    let gate = world.faulty.on("UpdateItem").matching(takes).hold_before_store();
    let now = world.clock.now();
    let step = async {
        gate.arrived(1).await;
        store.step_task(&mut slow, "page 2".into(), now).await.unwrap().unwrap();
        gate.release();
    };
    let (other, ()) = futures::join!(take(&world, id), step);
    assert!(other.is_none(), "the worker was slow, not dead");
    store.step_task(&mut slow, "page 3".into(), now).await.unwrap().unwrap();
}
