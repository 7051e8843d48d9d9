//! What the store does with repositories.

use terrapi::domain::{InstallationId, KnownRepository, Millis, Namespace, Repository, RepositoryName, Vcs};
use terrapi::store::operations::Direction;

use super::{here, repository};
use crate::support::World;
use crate::support::world::START;

async fn upsert(world: &World, repositories: &[Repository], generation: u64, now: i64) {
    world.app.store.upsert_repositories(here(), repositories, generation, Millis(now)).await.unwrap();
}

/// Everything, page by page.
async fn listed(world: &World, direction: Direction) -> Vec<(String, u64)> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let page = world.app.store.list_repositories(here(), direction, after.as_deref(), 2).await.unwrap();
        found.extend(page.0.iter().map(|known| (known.repository.name.as_str().to_owned(), known.repository.id)));
        match page.1 {
            Some(next) => after = Some(next),
            None => return found,
        }
    }
}

fn names(listed: &[(String, u64)]) -> Vec<(&str, u64)> {
    listed.iter().map(|(name, id)| (name.as_str(), *id)).collect()
}

#[tokio::test]
async fn repositories_are_listed_by_name_then_number_both_ways_and_found_by_number() {
    let world = World::new().await;
    let all = [(9, "b"), (10, "a"), (8, "ab"), (7, "b"), (11, "ä"), (100, "b")].map(|(id, name)| repository(id, name));
    upsert(&world, &all, 1, START.0).await;
    let expected = vec![("a", 10), ("ab", 8), ("b", 7), ("b", 9), ("b", 100), ("ä", 11)];
    assert_eq!(names(&listed(&world, Direction::Ascending).await), expected);
    let reversed: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(names(&listed(&world, Direction::Descending).await), reversed);
    let found = world.app.store.find_repository(here(), 7).await.unwrap();
    assert_eq!(found, Some(KnownRepository { repository: repository(7, "b"), updated_at: START }));
    let elsewhere = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(12345) };
    assert_eq!(world.app.store.find_repository(elsewhere, 7).await.unwrap(), None);
    for made_up in ["", "x", "repo-name$", &"repo-name#".repeat(200)] {
        let page = world.app.store.list_repositories(here(), Direction::Ascending, Some(made_up), 2).await;
        assert!(page.is_err(), "{made_up:.20}");
    }
}

#[tokio::test]
async fn what_is_seen_again_unchanged_keeps_its_time_and_a_renamed_one_moves() {
    let world = World::new().await;
    upsert(&world, &[repository(1, "one"), repository(2, "two")], 1, 1000).await;
    let renamed = Repository { setup: true, ..repository(2, "deux") };
    world.faulty.ledger().take();
    upsert(&world, &[repository(1, "one"), renamed.clone(), renamed.clone()], 2, 2000).await;
    let mut calls: Vec<_> = world.faulty.ledger().take().iter().map(|call| call.operation.clone()).collect();
    calls.sort();
    assert_eq!(calls, ["BatchGetItem", "TransactWriteItems", "UpdateItem"]);
    assert_eq!(names(&listed(&world, Direction::Ascending).await), [("deux", 2), ("one", 1)]);
    let unchanged = world.app.store.find_repository(here(), 1).await.unwrap().unwrap();
    let changed = world.app.store.find_repository(here(), 2).await.unwrap().unwrap();
    assert_eq!((unchanged.updated_at, changed.updated_at), (Millis(1000), Millis(2000)));
    assert_eq!(changed.repository, renamed);
}

#[tokio::test]
async fn what_a_pass_did_not_see_is_removed_and_what_a_later_one_saw_stays() {
    let world = World::new().await;
    upsert(&world, &(1..=5).map(|id| repository(id, &format!("r{id}"))).collect::<Vec<_>>(), 1, 1000).await;
    upsert(&world, &[repository(2, "r2")], 2, 2000).await;
    upsert(&world, &[repository(4, "r4-new")], 3, 3000).await;
    upsert(&world, &[repository(4, "r4-old")], 2, 4000).await;
    world.faulty.on("Query").page_of(2);
    assert!(world.app.store.has_vanished_repositories(here(), 2).await.unwrap());
    world.app.store.remove_vanished_repositories(here(), 2).await.unwrap();
    assert!(!world.app.store.has_vanished_repositories(here(), 2).await.unwrap());
    world.faulty.heal();
    assert_eq!(names(&listed(&world, Direction::Ascending).await), [("r2", 2), ("r4-new", 4)]);
    assert_eq!(world.app.store.find_repository(here(), 1).await.unwrap(), None);
    let again = world.app.store.find_repository(here(), 4).await.unwrap().unwrap();
    assert_eq!(again.repository, repository(4, "r4-new"));
}

#[tokio::test]
async fn two_writers_of_one_repository_leave_one_place_in_the_listing() {
    let world = World::new().await;
    upsert(&world, &[repository(1, "old")], 1, 1000).await;
    let gate = world.faulty.on("TransactWriteItems").nth(1).hold_before_store();
    let (first, second) = ([repository(1, "first")], [repository(1, "second")]);
    let overlapping = async {
        gate.arrived(1).await;
        upsert(&world, &second, 2, 2001).await;
        gate.release();
    };
    futures::join!(upsert(&world, &first, 2, 2000), overlapping);
    assert_eq!(names(&listed(&world, Direction::Ascending).await), [("first", 1)]);
}

#[tokio::test]
async fn killed_at_any_storage_call_a_page_can_be_written_again() {
    for after_store in [false, true] {
        for call in 1.. {
            let world = World::new().await;
            upsert(&world, &[repository(1, "one"), repository(2, "two")], 1, 1000).await;
            let page = [repository(1, "one"), repository(2, "deux"), repository(3, "three")];
            let rule = world.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let _ = world.app.store.upsert_repositories(here(), &page, 2, Millis(2000)).await;
            world.faulty.heal();
            upsert(&world, &page, 2, 2000).await;
            assert_eq!(names(&listed(&world, Direction::Ascending).await), [("deux", 2), ("one", 1), ("three", 3)]);
            if hits.count() == 0 {
                assert!(call > 4, "only {} calls were killed", call - 1);
                break;
            }
        }
    }
}

#[test]
fn a_repository_has_a_name_that_fits_a_sort_key() {
    assert!(RepositoryName::new("").is_err() && RepositoryName::new("n".repeat(256)).is_err());
    assert!(RepositoryName::new("n".repeat(255)).is_ok());
}
