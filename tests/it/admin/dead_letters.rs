//! What the worker gives up on, seen and tried again by administrators.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{DeadLetter, DeadLetterId, Millis};

use crate::support::world::KV;
use crate::support::{Pump, World};

const LETTERS: &str = "/api/v1/admin/dead-letters";

async fn letters(world: &World) -> Vec<Value> {
    world.get(LETTERS, &world.admin_token(&[])).await.ok()["results"].as_array().unwrap().clone()
}

async fn replay(world: &World, letter: &Value) -> Value {
    let path = format!("{LETTERS}/{}/replay", letter["id"].as_str().unwrap());
    let reply = world.call(Method::POST, &path, &world.admin_token(&[]), None).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// A commit whose folding fails: the KV table does not answer, the others do.
async fn stuck_commit(world: &World, pump: &mut Pump) {
    let token = world.kv_token();
    world.stage(&token, "k", &[json!(1)]).await;
    world.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    world.faulty.on("*").table(&world.backend.tables.kv).cut_before_store();
    for attempt in 1..=4 {
        let answers = pump.run(world).await;
        assert_eq!(answers.last().unwrap().failures.len(), 1, "attempt {attempt}");
        assert!(letters(world).await.is_empty(), "attempt {attempt}");
        world.clock.advance_ms(1_000);
    }
}

#[tokio::test]
async fn a_change_that_fails_five_times_is_kept_and_holds_up_nobody_and_a_replay_works_it_off() {
    let world = World::new().await;
    let mut kv = Pump::new(&world, "kv");
    let mut operations = Pump::new(&world, "operations");
    stuck_commit(&world, &mut kv).await;
    let answers = kv.run(&world).await;
    assert!(answers.last().unwrap().failures.is_empty(), "the stream goes on");
    let letter = letters(&world).await.remove(0);
    assert_eq!((letter["attempts"].as_u64(), letter["state"].as_str()), (Some(5), Some("waiting")));
    assert_eq!(letter["first_failed_at"], "2026-09-21T14:13:20.000Z");
    assert_eq!(letter["last_failed_at"], "2026-09-21T14:13:24.000Z");
    assert_eq!(letter["error"], "storage was busy or away");

    // A replay that fails too puts it back.
    assert_eq!(replay(&world, &letter).await["state"], "replaying");
    operations.run(&world).await;
    let again = letters(&world).await.remove(0);
    assert_eq!((again["attempts"].as_u64(), again["state"].as_str()), (Some(6), Some("waiting")));

    world.faulty.heal();
    replay(&world, &letter).await;
    operations.run(&world).await;
    assert!(letters(&world).await.is_empty());
    assert_eq!(world.fold().await, 0, "it was folded");
    let path = format!("{LETTERS}/{}/replay", letter["id"].as_str().unwrap());
    assert_eq!(world.call(Method::POST, &path, &world.admin_token(&[]), None).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn repeated_event_of_a_failed_replay_does_nothing() {
    let world = World::new().await;
    let mut kv = Pump::new(&world, "kv");
    let mut operations = Pump::new(&world, "operations");
    stuck_commit(&world, &mut kv).await;
    kv.run(&world).await;
    let letter = letters(&world).await.remove(0);
    replay(&world, &letter).await;
    operations.run(&world).await;
    let put_back = letters(&world).await;
    assert_eq!((put_back[0]["attempts"].as_u64(), put_back[0]["state"].as_str()), (Some(6), Some("waiting")));
    // A stream delivers at least once: while storage is away, and when it is back.
    Pump::new(&world, "operations").run(&world).await;
    assert_eq!(letters(&world).await, put_back, "no further attempt is counted");
    world.faulty.heal();
    Pump::new(&world, "operations").run(&world).await;
    assert_eq!(letters(&world).await, put_back, "nobody asked for another attempt");
    assert_eq!(world.fold().await, 1, "the change was not applied");
}

/// Whether a write notes a failure of a letter.
fn notes_failure(body: &Value) -> bool {
    let letter = [&body["Key"], &body["Item"]].into_iter().any(|key| key["pk"]["S"] == "dead-letters");
    let update = body["UpdateExpression"].as_str();
    letter && update.is_none_or(|update| update.contains("last_failed_at"))
}

#[tokio::test]
async fn late_failure_of_a_replay_keeps_a_newer_request() {
    let world = World::new().await;
    let (mut kv, mut operations) = (Pump::new(&world, "kv"), Pump::new(&world, "operations"));
    stuck_commit(&world, &mut kv).await;
    kv.run(&world).await;
    let letter = letters(&world).await.remove(0);
    replay(&world, &letter).await;
    // The worker has tried, and is about to note that it failed.
    let writes = world.faulty.on("*").table(&world.backend.tables.operations);
    let gate = writes.matching(|body| body.get("ConsistentRead").is_none() && notes_failure(body)).hold_before_store();
    let request_again = async {
        gate.arrived(1).await;
        world.clock.advance_ms(15 * 60_000);
        replay(&world, &letter).await;
        gate.release();
    };
    let (answer, ()) = futures::join!(operations.step(&world, Millis(i64::MAX)), request_again);
    assert!(answer.unwrap().failures.is_empty());
    let kept = letters(&world).await.remove(0);
    assert_eq!(kept["state"], "replaying", "the newer request is still waited for: {kept}");
    world.faulty.heal();
    operations.run(&world).await;
    assert!(letters(&world).await.is_empty());
}

#[tokio::test]
async fn repeated_failure_of_a_change_keeps_a_requested_replay() {
    let world = World::new().await;
    let mut kv = Pump::new(&world, "kv");
    stuck_commit(&world, &mut kv).await;
    kv.run(&world).await;
    let letter = letters(&world).await.remove(0);
    replay(&world, &letter).await;
    // The answer of the invocation that gave the change up was lost: the stream delivers it once more.
    Pump::new(&world, "kv").run(&world).await;
    let kept = letters(&world).await.remove(0);
    assert_eq!((kept["attempts"].as_u64(), kept["state"].as_str()), (Some(6), Some("replaying")));
}

#[tokio::test]
async fn many_who_ask_at_once_are_one_replay_and_the_same_event_twice_does_it_once() {
    let world = World::new().await;
    let mut kv = Pump::new(&world, "kv");
    stuck_commit(&world, &mut kv).await;
    kv.run(&world).await;
    world.faulty.heal();
    let letter = letters(&world).await.remove(0);
    let lost = world.faulty.on("UpdateItem").nth(1).cut_after_store();
    world.faulty.ledger().take();
    let asked = join_all((0..8).map(|_| replay(&world, &letter))).await;
    assert!(asked.iter().all(|letter| letter["state"] == "replaying"));
    assert_eq!(lost.count(), 1);
    let writes = world.faulty.ledger().take();
    let heard = writes.iter().filter(|call| call.operation == "UpdateItem" && call.write_units > 0.0).count();
    assert_eq!(heard, 1, "{:?}", writes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut operations = Pump::new(&world, "operations");
    operations.run(&world).await;
    let mut once_more = Pump::new(&world, "operations");
    once_more.run(&world).await;
    assert!(letters(&world).await.is_empty());
    assert_eq!(world.get(&format!("{KV}/key/k"), &world.kv_token()).await.ok()["data"], 1);
}

#[tokio::test]
async fn a_replay_whose_worker_died_may_be_asked_for_again_after_a_quarter_of_an_hour() {
    let world = World::new().await;
    let letter = put(&world, 0).await;
    let first = replay(&world, &letter).await;
    world.faulty.ledger().take();
    world.clock.advance_ms(15 * 60_000 - 1);
    assert_eq!(replay(&world, &letter).await, first);
    world.clock.advance_ms(1);
    world.faulty.ledger().take();
    replay(&world, &letter).await;
    let writes = world.faulty.ledger().take();
    assert!(writes.iter().any(|call| call.operation == "UpdateItem" && call.write_units > 0.0));
}

/// A letter that no stream has brought.
async fn put(world: &World, number: i64) -> Value {
    let at = Millis(1_790_000_000_000 + number);
    let letter = DeadLetter {
        id: DeadLetterId::new(at, "fold", &format!("{number}")).unwrap(),
        change: json!({"committed": {"vcs": "github", "installation": 12345}}).to_string(),
        attempts: 5,
        error: "storage was busy or away".into(),
        first_failed_at: at,
        last_failed_at: at,
        replay_requested_at: None,
    };
    world.app.store.put_dead_letter(&letter).await.unwrap();
    json!({"id": letter.id.as_str()})
}

#[tokio::test]
async fn letters_are_listed_newest_first_page_by_page() {
    let world = World::new().await;
    for number in 0..7 {
        put(&world, number).await;
    }
    for limit in [1, 3, 7, 100] {
        let (mut path, mut found) = (format!("{LETTERS}?limit={limit}"), Vec::new());
        loop {
            let reply = world.get(&path, &world.admin_token(&[])).await;
            let page = reply.ok()["results"].as_array().unwrap().clone();
            assert!(page.len() <= limit);
            found.extend(page);
            match reply.next() {
                Some(next) => path = next,
                None => break,
            }
        }
        let ids: Vec<_> = found.iter().map(|letter| letter["id"].as_str().unwrap()).collect();
        assert!(ids.len() == 7 && ids.is_sorted_by(|one, next| one > next), "{ids:?}");
    }
}

#[tokio::test]
async fn what_is_no_letter_s_id_is_refused() {
    let world = World::new().await;
    for id in ["x", "001790000000000-Fold-1", "001790000000000-fold-", "1-fold-1", "%00", "001790000000000-fold-1%2F2"]
    {
        let path = format!("{LETTERS}/{id}/replay");
        assert_eq!(
            world.call(Method::POST, &path, &world.admin_token(&[]), None).await.failed(400),
            "INVALID_PATH",
            "{id}"
        );
    }
}
