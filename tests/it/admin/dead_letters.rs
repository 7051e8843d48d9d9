//! Dead letters of the worker: administrators list and replay them.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{DeadLetter, DeadLetterId, Millis};

use crate::support::service::KV;
use crate::support::{StreamPump, TestService};

const LETTERS: &str = "/api/v1/admin/dead-letters";

async fn letters(service: &TestService) -> Vec<Value> {
    service.get(LETTERS, &service.admin_token(&[])).await.ok()["results"].as_array().unwrap().clone()
}

async fn replay(service: &TestService, letter: &Value) -> Value {
    let path = format!("{LETTERS}/{}/replay", letter["id"].as_str().unwrap());
    let reply = service.call(Method::POST, &path, &service.admin_token(&[]), None).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.json()
}

/// Makes the folding of a commit fail: the KV table does not answer, the other tables do.
async fn stuck_commit(service: &TestService, pump: &mut StreamPump) {
    let token = service.kv_token();
    service.stage(&token, "k", &[json!(1)]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    service.faulty.on("*").table(&service.backend.tables.kv).cut_before_store();
    for attempt in 1..=4 {
        let answers = pump.run(service).await;
        assert_eq!(answers.last().unwrap().failures.len(), 1, "attempt {attempt}");
        assert!(letters(service).await.is_empty(), "attempt {attempt}");
        service.clock.advance_ms(1_000);
    }
}

#[tokio::test]
async fn five_failures_make_a_dead_letter_that_can_be_replayed() {
    let service = TestService::new().await;
    let mut kv = StreamPump::new(&service, "kv");
    let mut operations = StreamPump::new(&service, "operations");
    stuck_commit(&service, &mut kv).await;
    let answers = kv.run(&service).await;
    assert!(answers.last().unwrap().failures.is_empty(), "the stream goes on");
    let letter = letters(&service).await.remove(0);
    assert_eq!((letter["attempts"].as_u64(), letter["state"].as_str()), (Some(5), Some("waiting")));
    assert_eq!(letter["first_failed_at"], "2026-09-21T14:13:20.000Z");
    assert_eq!(letter["last_failed_at"], "2026-09-21T14:13:24.000Z");
    assert_eq!(letter["error"], "storage was busy or unavailable");

    // A replay that fails too puts it back.
    assert_eq!(replay(&service, &letter).await["state"], "replaying");
    operations.run(&service).await;
    let again = letters(&service).await.remove(0);
    assert_eq!((again["attempts"].as_u64(), again["state"].as_str()), (Some(6), Some("waiting")));

    service.faulty.heal();
    replay(&service, &letter).await;
    operations.run(&service).await;
    assert!(letters(&service).await.is_empty());
    assert_eq!(service.fold().await, 0, "it was folded");
    let path = format!("{LETTERS}/{}/replay", letter["id"].as_str().unwrap());
    assert_eq!(service.call(Method::POST, &path, &service.admin_token(&[]), None).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn repeated_event_of_a_failed_replay_does_nothing() {
    let service = TestService::new().await;
    let mut kv = StreamPump::new(&service, "kv");
    let mut operations = StreamPump::new(&service, "operations");
    stuck_commit(&service, &mut kv).await;
    kv.run(&service).await;
    let letter = letters(&service).await.remove(0);
    replay(&service, &letter).await;
    operations.run(&service).await;
    let put_back = letters(&service).await;
    assert_eq!((put_back[0]["attempts"].as_u64(), put_back[0]["state"].as_str()), (Some(6), Some("waiting")));
    // A stream delivers at least once: while storage is away, and when it is back.
    StreamPump::new(&service, "operations").run(&service).await;
    assert_eq!(letters(&service).await, put_back, "no further attempt is counted");
    service.faulty.heal();
    StreamPump::new(&service, "operations").run(&service).await;
    assert_eq!(letters(&service).await, put_back, "nobody asked for another attempt");
    assert_eq!(service.fold().await, 1, "the change was not applied");
}

/// Whether a write notes a failure of a letter.
fn notes_failure(body: &Value) -> bool {
    let letter = [&body["Key"], &body["Item"]].into_iter().any(|key| key["pk"]["S"] == "dead-letters");
    let update = body["UpdateExpression"].as_str();
    letter && update.is_none_or(|update| update.contains("last_failed_at"))
}

#[tokio::test]
async fn late_failure_of_a_replay_keeps_a_newer_request() {
    let service = TestService::new().await;
    let (mut kv, mut operations) = (StreamPump::new(&service, "kv"), StreamPump::new(&service, "operations"));
    stuck_commit(&service, &mut kv).await;
    kv.run(&service).await;
    let letter = letters(&service).await.remove(0);
    replay(&service, &letter).await;
    // The worker has tried, and is about to note that it failed.
    let writes = service.faulty.on("*").table(&service.backend.tables.operations);
    let gate = writes.matching(|body| body.get("ConsistentRead").is_none() && notes_failure(body)).hold_before_store();
    let request_again = async {
        gate.arrived(1).await;
        service.clock.advance_ms(15 * 60_000);
        replay(&service, &letter).await;
        gate.release();
    };
    let (answer, ()) = futures::join!(operations.step(&service, Millis(i64::MAX)), request_again);
    assert!(answer.unwrap().failures.is_empty());
    let kept = letters(&service).await.remove(0);
    assert_eq!(kept["state"], "replaying", "the newer request is still waited for: {kept}");
    service.faulty.heal();
    operations.run(&service).await;
    assert!(letters(&service).await.is_empty());
}

#[tokio::test]
async fn repeated_failure_of_a_change_keeps_a_requested_replay() {
    let service = TestService::new().await;
    let mut kv = StreamPump::new(&service, "kv");
    stuck_commit(&service, &mut kv).await;
    kv.run(&service).await;
    let letter = letters(&service).await.remove(0);
    replay(&service, &letter).await;
    // The answer of the invocation that gave the change up was lost: the stream delivers it once more.
    StreamPump::new(&service, "kv").run(&service).await;
    let kept = letters(&service).await.remove(0);
    assert_eq!((kept["attempts"].as_u64(), kept["state"].as_str()), (Some(6), Some("replaying")));
}

#[tokio::test]
async fn concurrent_replay_requests_replay_once() {
    let service = TestService::new().await;
    let mut kv = StreamPump::new(&service, "kv");
    stuck_commit(&service, &mut kv).await;
    kv.run(&service).await;
    service.faulty.heal();
    let letter = letters(&service).await.remove(0);
    let lost = service.faulty.on("UpdateItem").nth(1).cut_after_store();
    service.faulty.ledger().take();
    let asked = join_all((0..8).map(|_| replay(&service, &letter))).await;
    assert!(asked.iter().all(|letter| letter["state"] == "replaying"));
    assert_eq!(lost.count(), 1);
    let writes = service.faulty.ledger().take();
    let heard = writes.iter().filter(|call| call.operation == "UpdateItem" && call.write_units > 0.0).count();
    assert_eq!(heard, 1, "{:?}", writes.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut operations = StreamPump::new(&service, "operations");
    operations.run(&service).await;
    let mut once_more = StreamPump::new(&service, "operations");
    once_more.run(&service).await;
    assert!(letters(&service).await.is_empty());
    assert_eq!(service.get(&format!("{KV}/key/k"), &service.kv_token()).await.ok()["data"], 1);
}

#[tokio::test]
async fn dead_replay_can_be_requested_again_after_15_minutes() {
    let service = TestService::new().await;
    let letter = put(&service, 0).await;
    let first = replay(&service, &letter).await;
    service.faulty.ledger().take();
    service.clock.advance_ms(15 * 60_000 - 1);
    assert_eq!(replay(&service, &letter).await, first);
    service.clock.advance_ms(1);
    service.faulty.ledger().take();
    replay(&service, &letter).await;
    let writes = service.faulty.ledger().take();
    assert!(writes.iter().any(|call| call.operation == "UpdateItem" && call.write_units > 0.0));
}

/// A letter that no stream has brought.
pub async fn put(service: &TestService, number: i64) -> Value {
    let at = Millis(1_790_000_000_000 + number);
    let letter = DeadLetter {
        id: DeadLetterId::new(at, "fold", &format!("{number}")).unwrap(),
        change: json!({"committed": {"vcs": "github", "installation": 12345}}).to_string(),
        attempts: 5,
        error: "storage was busy or unavailable".into(),
        first_failed_at: at,
        last_failed_at: at,
        replay_requested_at: None,
    };
    service.app.store.put_dead_letter(&letter).await.unwrap();
    json!({"id": letter.id.as_str()})
}

#[tokio::test]
async fn dead_letters_are_listed_newest_first_page_by_page() {
    let service = TestService::new().await;
    for number in 0..7 {
        put(&service, number).await;
    }
    for limit in [1, 3, 7, 100] {
        let (mut path, mut found) = (format!("{LETTERS}?limit={limit}"), Vec::new());
        loop {
            let reply = service.get(&path, &service.admin_token(&[])).await;
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
async fn malformed_dead_letter_id_is_refused() {
    let service = TestService::new().await;
    for id in ["x", "001790000000000-Fold-1", "001790000000000-fold-", "1-fold-1", "%00", "001790000000000-fold-1%2F2"]
    {
        let path = format!("{LETTERS}/{id}/replay");
        assert_eq!(
            service.call(Method::POST, &path, &service.admin_token(&[]), None).await.failed(400),
            "INVALID_PATH",
            "{id}"
        );
    }
}
