//! Writes that the store executes after their caller gave up. They take effect at most once, and never after they were
//! refused or after later writes.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};

use crate::support::faulty::Refusal;
use crate::support::service::KV;
use crate::support::{Reply, TestService};

const KEY: &str = "k";

fn path() -> String {
    format!("{KV}/key/{KEY}")
}

/// Sends a write whose first call the store executes last. `meanwhile` runs between that call and the next one. Then
/// `later` is written so often that the record no longer remembers the write. Returns the answer to the write.
async fn late(
    service: &TestService,
    token: &str,
    (method, path, body): (Method, String, Option<Value>),
    meanwhile: impl AsyncFn(),
    later: impl AsyncFn(),
) -> Reply {
    let kv = &service.backend.tables.kv;
    let gate = service.faulty.on("UpdateItem").table(kv).nth(1).store_late();
    // Its next call waits until the other writers are done.
    let next = service.faulty.on("*").table(kv).nth(2).hold_before_store();
    let write = service.call(method, &path, token, body);
    let others = async {
        next.arrived(1).await;
        meanwhile().await;
        next.release();
    };
    let (reply, ()) = futures::join!(write, others);
    later().await;
    gate.release();
    service.faulty.settled().await;
    service.faulty.heal();
    reply
}

/// Six writes of `body`.
async fn write_six(service: &TestService, token: &str, body: &Value) {
    for _ in 0..6 {
        service.put(&path(), token, body.clone()).await.ok();
    }
}

async fn delete(service: &TestService, token: &str) {
    assert_eq!(service.delete(&format!("{}?idx=0", path()), token).await.ok()["result"], true);
}

#[tokio::test]
async fn late_set_does_not_overwrite_later_writes() {
    for committed in [true, false] {
        let service = TestService::new().await;
        let token = service.kv_token();
        let body = json!({"data": "late", "committed": committed});
        let later = async || {
            assert_eq!(service.get(&format!("{}?committed=false", path()), &token).await.ok()["data"], "late");
            delete(&service, &token).await;
            write_six(&service, &token, &json!({"data": "last"})).await;
        };
        let reply = late(&service, &token, (Method::PUT, path(), Some(body)), async || {}, later).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let read = service.get(&format!("{}?committed=false", path()), &token).await.ok();
        assert_eq!((&read["data"], &read["committed"]), (&json!("last"), &json!(true)));
        service.assert_kv_settled().await;
    }
}

#[tokio::test]
async fn late_insert_does_not_bring_a_deleted_record_back() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let insert = (Method::PUT, format!("{KV}/cas/key/{KEY}"), Some(json!({"data": "late"})));
    let later = async || {
        delete(&service, &token).await;
        write_six(&service, &token, &json!({"data": "other"})).await;
        delete(&service, &token).await;
    };
    let reply = late(&service, &token, insert, async || {}, later).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(service.get(&path(), &token).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn late_deletion_spares_a_record_written_later() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&path(), &token, json!({"data": "old"})).await.ok();
    let deletion = (Method::DELETE, format!("{}?idx=0", path()), None);
    let later = async || write_six(&service, &token, &json!({"data": "last"})).await;
    let reply = late(&service, &token, deletion, async || {}, later).await;
    assert_eq!(reply.ok()["result"], true);
    assert_eq!(service.get(&path(), &token).await.ok()["data"], "last");
}

#[tokio::test]
async fn late_insert_that_was_refused_never_takes_effect() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let insert = (Method::PUT, format!("{KV}/cas/key/{KEY}"), Some(json!({"data": "late"})));
    let meanwhile = async || _ = service.put(&path(), &token, json!({"data": "other"})).await.ok();
    let reply = late(&service, &token, insert, meanwhile, async || delete(&service, &token).await).await;
    assert_eq!(reply.failed(400), "VERSION_MISMATCH");
    assert_eq!(service.get(&path(), &token).await.failed(404), "NOT_FOUND");
}

#[tokio::test]
async fn late_deletion_that_found_nothing_never_takes_effect() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&path(), &token, json!({"data": "old"})).await.ok();
    let deletion = (Method::DELETE, format!("{}?idx=0", path()), None);
    let meanwhile = async || delete(&service, &token).await;
    let later = async || _ = service.put(&path(), &token, json!({"data": "again"})).await.ok();
    let reply = late(&service, &token, deletion, meanwhile, later).await;
    assert_eq!(reply.ok()["result"], false);
    assert_eq!(service.get(&path(), &token).await.ok()["data"], "again");
}

#[tokio::test]
async fn late_set_that_was_forbidden_never_takes_effect() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let owner = service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]);
    service.put(&path(), &token, json!({"data": "old"})).await.ok();
    let close = json!({"data": "closed", "write_caps": ["access_token_create"]});
    let meanwhile = async || _ = service.put(&path(), &owner, close.clone()).await.ok();
    let later = async || _ = service.put(&path(), &owner, json!({"data": "open", "write_caps": null})).await.ok();
    let write = (Method::PUT, path(), Some(json!({"data": "late"})));
    let reply = late(&service, &token, write, meanwhile, later).await;
    assert_eq!(reply.failed(403), "RECORD_FORBIDDEN");
    assert_eq!(service.get(&path(), &token).await.ok()["data"], "open");
}

/// A write to a record with a write list reads the record first (two calls instead of one).
#[tokio::test]
async fn late_put_after_an_unavailable_answer_never_takes_effect() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&path(), &token, json!({"data": "old", "write_caps": ["kv_store_write"]})).await.ok();
    let gate = service.faulty.on("PutItem").table(&service.backend.tables.kv).nth(1).store_late();
    let busy = service.faulty.on("PutItem").refuse(Refusal::ThroughputExceeded);
    let reply = service.put(&path(), &token, json!({"data": "late"})).await;
    assert_eq!(reply.failed(503), "UNAVAILABLE", "the write was fenced off, and not repeated");
    assert!(busy.count() > 0);
    gate.release();
    service.faulty.settled().await;
    assert_eq!(service.get(&path(), &token).await.ok()["data"], "old");
}

#[tokio::test]
async fn fenced_record_is_written_and_deleted_as_before() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.faulty.on("UpdateItem").table(&service.backend.tables.kv).nth(1).cut_before_store();
    let first = service.put(&path(), &token, json!({"data": 1})).await.ok();
    service.faulty.heal();
    // Writes within the same millisecond read the record first; later ones need a single call again.
    for (pause, calls) in [(0, 2), (1, 1)] {
        service.clock.advance_ms(pause);
        service.faulty.ledger().take();
        service.put(&path(), &token, json!({"data": 2})).await.ok();
        assert_eq!(service.faulty.ledger().take().len(), calls);
    }
    let last = service.get(&path(), &token).await.ok();
    assert_eq!(last["version"].as_i64(), first["version"].as_i64().map(|version| version + 2));
    delete(&service, &token).await;
    assert_eq!(service.get(&path(), &token).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(&format!("{KV}/count/key/{KEY}"), &token).await.failed(404), "NOT_FOUND");
}

/// The write took effect, its answer was lost, and the record no longer remembered it when the outcome was read.
#[tokio::test]
async fn write_older_than_the_records_history_is_unknown() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let version = service.put(&path(), &token, json!({"data": "old"})).await.ok()["version"].clone();
    let cas = (format!("{KV}/cas/key/{KEY}"), json!({"data": "lost", "version": version}));
    for (path, body) in [cas, (path(), json!({"data": "lost"}))] {
        let kv = &service.backend.tables.kv;
        service.faulty.on("UpdateItem").table(kv).nth(1).cut_after_store();
        let next = service.faulty.on("*").table(kv).nth(2).hold_before_store();
        let write = service.put(&path, &token, body);
        let others = async {
            next.arrived(1).await;
            write_six(&service, &token, &json!({"data": "other"})).await;
            next.release();
        };
        let (reply, ()) = futures::join!(write, others);
        assert_eq!(reply.failed(503), "OUTCOME_UNKNOWN", "{path}");
        service.faulty.heal();
        assert_eq!(service.get(&format!("{KV}/key/{KEY}"), &token).await.ok()["data"], "other");
    }
}
