//! The rules that apply to the lease of every item on which a worker works: of a task and of a membership check.

use serde_json::Value;
use terrapi::domain::{Membership, Millis, TaskState};
use terrapi::runtime::Clock;
use terrapi::store::operations::{LEASE_MS, MembershipCheck, TaskLease, TaskRelease};

use super::task_leases::begun;
use crate::installations::INSTALLATION;
use crate::support::TestService;

#[derive(Clone, Copy, Debug)]
enum Work {
    Task(terrapi::domain::TaskId),
    Check,
}

enum Lease {
    Task(Box<TaskLease>),
    Check(MembershipCheck),
}

/// A service with a pending task, and another with a pending check.
async fn services() -> [(TestService, Work); 2] {
    let (with_task, with_check) = (TestService::new().await, TestService::new().await);
    let task = Work::Task(begun(&with_task).await);
    let (membership, now) = (Membership { checked_at: None }, with_check.clock.now());
    with_check.app.store.ask_membership_check(with_check.user, INSTALLATION, membership, now).await.unwrap();
    [(with_task, task), (with_check, Work::Check)]
}

impl Work {
    async fn lease(self, service: &TestService) -> Option<Lease> {
        let (store, now) = (&service.app.store, service.clock.now());
        let holder = service.app.random.id().unwrap();
        match self {
            Self::Task(id) => {
                store.lease_task(id, holder, now).await.unwrap().map(|lease| Lease::Task(Box::new(lease)))
            }
            Self::Check => {
                let check = store.take_membership_check(service.user, INSTALLATION, holder, now).await;
                check.unwrap().map(Lease::Check)
            }
        }
    }

    async fn wake(self, service: &TestService) -> usize {
        let (store, now) = (&service.app.store, service.clock.now());
        match self {
            Self::Task(_) => store.wake_tasks(now).await.unwrap(),
            Self::Check => store.wake_membership_checks(now).await.unwrap(),
        }
    }
}

impl Lease {
    /// Releases the item, which may not be leased again for `pause_ms`. Changes nothing if the lease is lost.
    async fn release(&self, service: &TestService, pause_ms: i64) {
        let (store, now) = (&service.app.store, service.clock.now());
        let until = Millis(now.0 + pause_ms);
        match self {
            Self::Task(lease) => {
                let how = TaskRelease { not_before: Some(until), error: None };
                let _ = store.release_task(lease, &how, now).await.unwrap();
            }
            Self::Check(check) => store.put_off_membership_check(check, until).await.unwrap(),
        }
    }

    /// Finishes the work. Changes nothing if the lease is lost.
    async fn finish(&self, service: &TestService) {
        let (store, now) = (&service.app.store, service.clock.now());
        match self {
            Self::Task(lease) => {
                let _ = store.finish_task(lease, TaskState::Completed, None, now).await.unwrap();
            }
            Self::Check(check) => store.finish_membership_check(check).await.unwrap(),
        }
    }
}

#[tokio::test]
async fn one_of_two_concurrent_workers_gets_the_lease() {
    for (service, work) in services().await {
        let gate = service.faulty.on("UpdateItem").hold_before_store();
        let opening = async {
            gate.arrived(2).await;
            gate.release();
        };
        let (one, other, ()) = futures::join!(work.lease(&service), work.lease(&service), opening);
        assert!(one.is_some() != other.is_some(), "{work:?}");
        assert!(work.lease(&service).await.is_none(), "{work:?}: a third worker gets none");
    }
}

#[tokio::test]
async fn expired_lease_passes_to_another_worker() {
    for (service, work) in services().await {
        let expired = work.lease(&service).await.unwrap();
        service.clock.advance_ms(LEASE_MS - 1);
        assert!(work.lease(&service).await.is_none(), "{work:?}");
        assert_eq!(work.wake(&service).await, 0, "{work:?}");
        service.clock.advance_ms(1);
        assert_eq!(work.wake(&service).await, 1, "{work:?}");
        let current = work.lease(&service).await.unwrap();
        expired.release(&service, 0).await;
        expired.finish(&service).await;
        assert!(work.lease(&service).await.is_none(), "{work:?}: the second worker still holds it");
        current.finish(&service).await;
        service.clock.advance_ms(LEASE_MS);
        assert_eq!(work.wake(&service).await, 0, "{work:?}");
        assert!(work.lease(&service).await.is_none(), "{work:?}: it is finished");
    }
}

#[tokio::test]
async fn released_work_is_woken_once_when_due() {
    for (service, work) in services().await {
        work.lease(&service).await.unwrap().release(&service, 600_000).await;
        service.clock.advance_ms(599_999);
        assert!(work.lease(&service).await.is_none(), "{work:?}");
        assert_eq!(work.wake(&service).await, 0, "{work:?}");
        service.clock.advance_ms(1);
        assert_eq!(work.wake(&service).await, 1, "{work:?}");
        assert_eq!(work.wake(&service).await, 0, "{work:?}: it was woken a moment ago");
        service.clock.advance_ms(60_000);
        assert_eq!(work.wake(&service).await, 1, "{work:?}: no worker has leased it");
        work.lease(&service).await.unwrap();
        service.clock.advance_ms(60_000);
        assert_eq!(work.wake(&service).await, 0, "{work:?}: a worker holds it");
    }
}

#[tokio::test]
async fn wake_keeps_the_pause_of_concurrently_released_work() {
    let wakes = |body: &Value| body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("SET wake"));
    for (service, work) in services().await {
        let slow = work.lease(&service).await.unwrap();
        service.clock.advance_ms(LEASE_MS);
        let gate = service.faulty.on("UpdateItem").matching(wakes).hold_before_store();
        let release = async {
            gate.arrived(1).await;
            slow.release(&service, 600_000).await;
            gate.release();
        };
        let (woken, ()) = futures::join!(work.wake(&service), release);
        assert_eq!(woken, 0, "{work:?}");
        assert!(work.lease(&service).await.is_none(), "{work:?}: its pause is not over");
    }
}
