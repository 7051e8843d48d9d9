//! Runs: each is created once, and its state changes once even with concurrent writers.

use futures::future::join_all;
use terrapi::domain::{Millis, RepositoryName, Run, RunId, RunKind, RunRepository, RunState, RunType};
use terrapi::runtime::{Clock, Random};

use crate::installations::INSTALLATION;
use crate::support::TestService;
use crate::support::faulty::Refusal;

fn run(service: &TestService) -> Run {
    Run {
        id: RunId::new(Random::default().id().unwrap()),
        namespace: INSTALLATION,
        repository: RunRepository { id: 42, owner: "acme".into(), name: RepositoryName::new("infra").unwrap() },
        kind: RunKind::PullRequest { number: 7 },
        run_type: RunType::BuildConfig,
        state: RunState::Queued,
        created_at: service.clock.now(),
        completed_at: None,
    }
}

#[tokio::test]
async fn run_round_trips() {
    let service = TestService::new().await;
    let ended = Some(Millis(service.clock.now().0 + 5));
    for kind in [RunKind::PullRequest { number: u64::MAX }, RunKind::Drift, RunKind::Index] {
        for run_type in [RunType::Plan, RunType::Apply, RunType::Index, RunType::BuildConfig, RunType::BuildTree] {
            for state in RunState::ALL {
                let completed_at = ended.filter(|_| state.is_final());
                let run = Run { kind, run_type, state, completed_at, ..run(&service) };
                assert_eq!(service.app.store.create_run(&run).await.unwrap(), run);
                assert_eq!(service.app.store.find_run(run.id).await.unwrap(), Some(run));
            }
        }
    }
    assert_eq!(service.app.store.find_run(run(&service).id).await.unwrap(), None);
}

#[tokio::test]
async fn repeated_run_is_kept_and_another_with_its_id_refused() {
    let service = TestService::new().await;
    let (store, first) = (&service.app.store, run(&service));
    let made = join_all((0..8).map(|_| store.create_run(&first))).await;
    assert!(made.into_iter().all(|made| made.unwrap() == first));
    let moved = store.move_run(first.id, RunState::Running, service.clock.now()).await.unwrap().unwrap();
    assert_eq!(store.create_run(&first).await.unwrap(), moved, "not back to its beginning");
    for other in [
        Run { kind: RunKind::Drift, ..first.clone() },
        Run { run_type: RunType::Apply, ..first.clone() },
        Run { created_at: Millis(first.created_at.0 + 1), ..first.clone() },
    ] {
        assert!(store.create_run(&other).await.is_err());
    }
    assert_eq!(store.find_run(first.id).await.unwrap(), Some(moved));
}

#[tokio::test]
async fn run_creation_with_a_lost_answer_creates_one_run() {
    let service = TestService::new().await;
    let drift = Run { kind: RunKind::Drift, ..run(&service) };
    let lost = service.faulty.on("PutItem").first(2).cut_after_store();
    assert_eq!(service.app.store.create_run(&drift).await.unwrap(), drift);
    assert_eq!(lost.count(), 2);
    let (listed, next) = service.app.store.list_drift_runs(None, 100).await.unwrap();
    assert_eq!((listed.len(), next), (1, None));
    // One that never arrived, in spite of all attempts, is not there.
    let other = Run { kind: RunKind::Drift, ..run(&service) };
    service.faulty.on("PutItem").cut_before_store();
    assert!(service.app.store.create_run(&other).await.is_err());
    service.faulty.heal();
    assert_eq!(service.app.store.find_run(other.id).await.unwrap(), None);
    assert_eq!(service.app.store.list_drift_runs(None, 100).await.unwrap().0.len(), 1);
}

#[tokio::test]
async fn concurrent_run_ends_report_the_one_that_won() {
    let service = TestService::new().await;
    let (store, run) = (&service.app.store, run(&service));
    store.create_run(&run).await.unwrap();
    let gate = service.faulty.on("UpdateItem").hold_before_store();
    let ends = (0..8).map(|number| {
        let state = if number % 2 == 0 { RunState::Completed } else { RunState::Aborted };
        store.move_run(run.id, state, Millis(run.created_at.0 + number))
    });
    let (told, ()) = tokio::join!(join_all(ends), async {
        gate.arrived(8).await;
        gate.release();
    });
    let told: Vec<_> = told.into_iter().map(|told| told.unwrap().unwrap()).collect();
    assert!(told[0].state.is_final() && told[0].completed_at.is_some());
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    assert_eq!(store.find_run(run.id).await.unwrap().as_ref(), Some(&told[0]));
}

#[tokio::test]
async fn run_only_moves_forward_and_an_unknown_run_not_at_all() {
    let service = TestService::new().await;
    let store = &service.app.store;
    for from in RunState::ALL {
        for to in RunState::ALL {
            let completed_at = Some(service.clock.now()).filter(|_| from.is_final());
            let run = Run { state: from, completed_at, ..run(&service) };
            store.create_run(&run).await.unwrap();
            service.clock.advance_ms(10);
            let now = store.move_run(run.id, to, service.clock.now()).await.unwrap().unwrap();
            let moved =
                Run { state: to, completed_at: Some(service.clock.now()).filter(|_| to.is_final()), ..run.clone() };
            assert_eq!(now, if from.may_become(to) { moved } else { run }, "{from:?} to {to:?}");
            assert_eq!(store.find_run(now.id).await.unwrap(), Some(now));
        }
    }
    for to in RunState::ALL {
        assert_eq!(store.move_run(run(&service).id, to, service.clock.now()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn lost_or_throttled_run_transition_is_made_once() {
    let service = TestService::new().await;
    let (store, run) = (&service.app.store, run(&service));
    store.create_run(&run).await.unwrap();
    let refused = service.faulty.on("UpdateItem").nth(1).refuse(Refusal::Throttling);
    let lost = service.faulty.on("UpdateItem").nth(2).cut_after_store();
    let now = Millis(run.created_at.0 + 9);
    let done = store.move_run(run.id, RunState::Completed, now).await.unwrap();
    assert_eq!((refused.count(), lost.count()), (1, 1));
    assert_eq!(done, Some(Run { state: RunState::Completed, completed_at: Some(now), ..run }));
}
