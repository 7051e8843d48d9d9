//! The storage of repositories.

use terrapi::domain::{InstallationId, KnownRepository, Millis, Namespace, Repository, RepositoryName, Result, Vcs};

use crate::installations::INSTALLATION;
use crate::support::TestService;
use crate::support::service::START;

fn repository(id: u64, name: &str) -> Repository {
    Repository { id, owner: "acme".into(), name: RepositoryName::new(name).unwrap(), setup: false }
}

async fn upsert(service: &TestService, repositories: &[Repository], generation: u64, now: i64) {
    try_upsert(service, repositories, generation, now).await.unwrap();
}

/// Writes a page of repositories as the worker does.
async fn try_upsert(service: &TestService, repositories: &[Repository], generation: u64, now: i64) -> Result<()> {
    let store = &service.app.store;
    let read = store.read_repositories(INSTALLATION, repositories.iter().map(|repository| repository.id)).await?;
    store.upsert_repositories(INSTALLATION, repositories, &read, generation, Millis(now)).await
}

/// All repositories by id.
async fn known(service: &TestService) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    for id in service.backend.repositories("github#12345").await {
        let known = service.app.store.find_repository(INSTALLATION, id).await.unwrap().unwrap();
        found.push((id, known.repository.name.as_str().to_owned()));
    }
    found
}

fn named<const N: usize>(known: [(u64, &str); N]) -> Vec<(u64, String)> {
    known.map(|(id, name)| (id, name.to_owned())).into()
}

#[tokio::test]
async fn repository_is_found_by_number_in_its_installation() {
    let service = TestService::new().await;
    upsert(&service, &[repository(9, "b"), repository(7, "b")], 1, START.0).await;
    let found = service.app.store.find_repository(INSTALLATION, 7).await.unwrap();
    assert_eq!(found, Some(KnownRepository { repository: repository(7, "b"), updated_at: START }));
    let elsewhere = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(12345) };
    assert_eq!(service.app.store.find_repository(elsewhere, 7).await.unwrap(), None);
    assert_eq!(known(&service).await, named([(7, "b"), (9, "b")]));
}

#[tokio::test]
async fn only_changed_repositories_are_written_again() {
    let service = TestService::new().await;
    upsert(&service, &[repository(1, "one"), repository(2, "two")], 1, 1000).await;
    let renamed = Repository { setup: true, ..repository(2, "deux") };
    service.faulty.ledger().take();
    upsert(&service, &[repository(1, "one"), renamed.clone(), renamed.clone()], 2, 2000).await;
    let mut calls: Vec<_> = service.faulty.ledger().take().iter().map(|call| call.operation.clone()).collect();
    calls.sort();
    assert_eq!(calls, ["BatchGetItem", "PutItem", "UpdateItem"]);
    assert_eq!(known(&service).await, named([(1, "one"), (2, "deux")]));
    let unchanged = service.app.store.find_repository(INSTALLATION, 1).await.unwrap().unwrap();
    let changed = service.app.store.find_repository(INSTALLATION, 2).await.unwrap().unwrap();
    assert_eq!((unchanged.updated_at, changed.updated_at), (Millis(1000), Millis(2000)));
    assert_eq!(changed.repository, renamed);
}

#[tokio::test]
async fn repositories_unseen_by_a_pass_are_removed() {
    let service = TestService::new().await;
    upsert(&service, &(1..=5).map(|id| repository(id, &format!("r{id}"))).collect::<Vec<_>>(), 1, 1000).await;
    upsert(&service, &[repository(2, "r2")], 2, 2000).await;
    upsert(&service, &[repository(4, "r4-new")], 3, 3000).await;
    upsert(&service, &[repository(4, "r4-old")], 2, 4000).await;
    service.faulty.on("Query").page_of(2);
    assert!(service.app.store.has_vanished_repositories(INSTALLATION, 2).await.unwrap());
    service.app.store.remove_vanished_repositories(INSTALLATION, 2).await.unwrap();
    assert!(!service.app.store.has_vanished_repositories(INSTALLATION, 2).await.unwrap());
    service.faulty.heal();
    assert_eq!(known(&service).await, named([(2, "r2"), (4, "r4-new")]));
    assert_eq!(service.app.store.find_repository(INSTALLATION, 1).await.unwrap(), None);
    let again = service.app.store.find_repository(INSTALLATION, 4).await.unwrap().unwrap();
    assert_eq!(again.repository, repository(4, "r4-new"));
}

#[tokio::test]
async fn concurrent_writers_of_a_repository_are_serialized() {
    let service = TestService::new().await;
    upsert(&service, &[repository(1, "old")], 1, 1000).await;
    let gate = service.faulty.on("PutItem").nth(1).hold_before_store();
    let (first, second) = ([repository(1, "first")], [repository(1, "second")]);
    let overlapping = async {
        gate.arrived(1).await;
        upsert(&service, &second, 2, 2001).await;
        gate.release();
    };
    futures::join!(upsert(&service, &first, 2, 2000), overlapping);
    assert_eq!(known(&service).await, named([(1, "first")]));
}

#[tokio::test]
async fn stale_repository_read_does_not_decide_a_write() {
    let service = TestService::new().await;
    let store = &service.app.store;
    upsert(&service, &[repository(1, "one"), repository(2, "two"), repository(3, "three")], 1, 1000).await;
    let read = store.read_repositories(INSTALLATION, 1..=4).await.unwrap();
    // Meanwhile another refresh sees some of them, and a new one, and removes what it does not see.
    upsert(&service, &[repository(1, "one"), repository(2, "deux"), repository(4, "four")], 3, 3000).await;
    store.remove_vanished_repositories(INSTALLATION, 3).await.unwrap();
    let stale = [(1, "un"), (2, "two"), (3, "three"), (4, "quatre")].map(|(id, name)| repository(id, name));
    store.upsert_repositories(INSTALLATION, &stale, &read, 2, Millis(4000)).await.unwrap();
    assert_eq!(known(&service).await, named([(1, "one"), (2, "deux"), (3, "three"), (4, "four")]));
    store.remove_vanished_repositories(INSTALLATION, 3).await.unwrap();
    assert_eq!(known(&service).await, named([(1, "one"), (2, "deux"), (4, "four")]));
}

#[tokio::test]
async fn killed_page_write_can_be_repeated() {
    for after_store in [false, true] {
        for call in 1.. {
            let service = TestService::new().await;
            upsert(&service, &[repository(1, "one"), repository(2, "two")], 1, 1000).await;
            let page = [repository(1, "one"), repository(2, "deux"), repository(3, "three")];
            let rule = service.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let _ = try_upsert(&service, &page, 2, 2000).await;
            service.faulty.heal();
            upsert(&service, &page, 2, 2000).await;
            assert_eq!(known(&service).await, named([(1, "one"), (2, "deux"), (3, "three")]));
            if hits.count() == 0 {
                assert!(call > 4, "only {} calls were killed", call - 1);
                break;
            }
        }
    }
}

#[test]
fn repository_names_are_bounded() {
    assert!(RepositoryName::new("").is_err() && RepositoryName::new("n".repeat(256)).is_err());
    assert!(RepositoryName::new("n".repeat(255)).is_ok());
}
