//! Commits that are killed, repeated, or read half-way.

use serde_json::{Value, json};

use crate::support::TestService;
use crate::support::service::{KV, send_to};

const RECORDS: usize = 5;

async fn staged(service: &TestService, token: &str) {
    for number in 0..RECORDS {
        service.put(&format!("{KV}/key/r{number}"), token, json!({"data": "old"})).await.ok();
        service.put(&format!("{KV}/key/r{number}"), token, json!({"data": "new", "committed": false})).await.ok();
    }
}

fn listed() -> Value {
    json!({"keys": (0..RECORDS).map(|number| json!({"key": format!("r{number}")})).collect::<Vec<_>>()})
}

/// How many of the records show the new value, in one answer.
async fn new_ones(service: &TestService, token: &str) -> usize {
    let page = service.get(&format!("{KV}/iter/r?prefix=true"), token).await.ok();
    page["results"].as_array().unwrap().iter().filter(|record| record["data"] == "new").count()
}

#[tokio::test]
async fn killed_commit_is_atomic_and_can_be_repeated() {
    for after_store in [false, true] {
        for call in 1.. {
            let service = TestService::new().await;
            let token = service.kv_token();
            staged(&service, &token).await;
            let rule = service.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let killed = service.post(&format!("{KV}/commit"), &token, listed()).await;
            service.faulty.heal();
            let seen = new_ones(&service, &token).await;
            assert!(seen == 0 || seen == RECORDS, "call {call}: {seen} of {RECORDS}");
            if hits.count() == 0 {
                assert_eq!(killed.ok()["keys"].as_array().unwrap().len(), RECORDS);
                assert!(call > 7, "only {} calls were killed", call - 1);
                break;
            }
            service.post(&format!("{KV}/commit"), &token, listed()).await.ok();
            assert_eq!(new_ones(&service, &token).await, RECORDS, "call {call}, repeated");
            service.fold().await;
            assert_eq!(new_ones(&service, &token).await, RECORDS, "call {call}, folded");
            service.assert_kv_settled().await;
        }
    }
}

#[tokio::test]
async fn killed_folding_is_invisible_and_finished_later() {
    for call in 1.. {
        let service = TestService::new().await;
        let token = service.kv_token();
        staged(&service, &token).await;
        service.post(&format!("{KV}/commit"), &token, listed()).await.ok();
        let namespace = terrapi::domain::Namespace {
            vcs: terrapi::domain::Vcs::Github,
            installation: terrapi::domain::InstallationId::new(12345),
        };
        let hits = service.faulty.on("*").nth(call).die_after_store();
        let killed = service.app.store.fold_commits(namespace).await;
        service.faulty.heal();
        assert_eq!(new_ones(&service, &token).await, RECORDS, "call {call}");
        let other = service.sandbox();
        let get = crate::support::service::request(http::Method::GET, &format!("{KV}/key/r0"), &token, None);
        assert_eq!(send_to(&other, get).await.ok()["data"], "new", "a sandbox with nothing at hand");
        service.fold().await;
        assert_eq!(new_ones(&service, &token).await, RECORDS, "call {call}, finished");
        service.assert_kv_settled().await;
        if hits.count() == 0 {
            assert!(killed.is_ok() && call > 6, "only {} calls were killed", call - 1);
            break;
        }
    }
}

#[tokio::test]
async fn reader_overtaken_between_head_and_page_restarts() {
    let service = TestService::new().await;
    let token = service.kv_token();
    staged(&service, &token).await;
    new_ones(&service, &token).await;
    let gate = service.faulty.on("Query").table(&service.backend.tables.kv).nth(1).hold_before_store();
    let reading = new_ones(&service, &token);
    let committing = async {
        gate.arrived(1).await;
        service.post(&format!("{KV}/commit"), &token, listed()).await.ok();
        service.fold().await;
        gate.release();
    };
    let (seen, ()) = futures::join!(reading, committing);
    assert_eq!(seen, RECORDS, "its head knew nothing of the commit, its page everything");
}

#[tokio::test]
async fn reader_restarts_when_its_commit_list_is_removed() {
    let service = TestService::new().await;
    let token = service.kv_token();
    staged(&service, &token).await;
    service.post(&format!("{KV}/commit"), &token, listed()).await.ok();
    // The page is read with drafts in it, then everything is folded before the commit's list can be read.
    let gate = service
        .faulty
        .on("Query")
        .table(&service.backend.tables.kv)
        .matching(lists_a_commit)
        .nth(1)
        .hold_before_store();
    let sandbox = service.sandbox();
    let get = crate::support::service::request(http::Method::GET, &format!("{KV}/iter/r?prefix=true"), &token, None);
    let reading = send_to(&sandbox, get);
    let folding = async {
        gate.arrived(1).await;
        service.fold().await;
        gate.release();
    };
    let (reply, ()) = futures::join!(reading, folding);
    let page = reply.ok();
    assert!(page["results"].as_array().unwrap().iter().all(|record| record["data"] == "new"), "{page}");
}

fn lists_a_commit(body: &Value) -> bool {
    body["ExpressionAttributeValues"][":pk"]["S"].as_str().is_some_and(|pk| pk.contains("#commit#"))
}

#[tokio::test]
async fn draft_replaced_during_a_commit_is_published_as_replaced() {
    let service = TestService::new().await;
    let token = service.kv_token();
    staged(&service, &token).await;
    // Held between the commit's reading and its publishing.
    let gate = service.faulty.on("PutItem").table(&service.backend.tables.kv).nth(1).hold_before_store();
    let path = format!("{KV}/commit");
    let committing = service.post(&path, &token, listed());
    let replacing = async {
        gate.arrived(1).await;
        service.put(&format!("{KV}/key/r1"), &token, json!({"data": "newer", "committed": false})).await.ok();
        gate.release();
    };
    let (commit, ()) = futures::join!(committing, replacing);
    assert_eq!(commit.ok()["keys"].as_array().unwrap().len(), RECORDS);
    assert_eq!(service.get(&format!("{KV}/key/r1"), &token).await.ok()["data"], "newer");
    assert_eq!(new_ones(&service, &token).await, RECORDS - 1);
}

#[tokio::test]
async fn draft_overwritten_at_publication_stays_hidden() {
    let service = TestService::new().await;
    let token = service.kv_token();
    staged(&service, &token).await;
    // The second staged write has seen the unpublished draft; the commit comes before it is stored.
    let gate = service.faulty.on("TransactWriteItems").nth(1).hold_before_store();
    let path = format!("{KV}/key/r1");
    let writing = service.put(&path, &token, json!({"data": "unpublished", "committed": false}));
    let committing = async {
        gate.arrived(1).await;
        service.post(&format!("{KV}/commit"), &token, listed()).await.ok();
        gate.release();
    };
    let (written, ()) = futures::join!(writing, committing);
    written.ok();
    for folded in [false, true] {
        if folded {
            service.fold().await;
        }
        assert_eq!(service.get(&format!("{KV}/key/r1"), &token).await.ok()["data"], "new", "folded: {folded}");
        let latest = service.get(&format!("{KV}/key/r1?committed=false"), &token).await.ok();
        assert_eq!((&latest["data"], &latest["committed"]), (&json!("unpublished"), &json!(false)));
    }
}

#[tokio::test]
async fn sizes_of_two_queries_do_not_mix_across_a_fold() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let chunks = async |body: Value| {
        for idx in 0..6 {
            let mut body = body.clone();
            body["idx"] = idx.into();
            service.put(&format!("{KV}/key/big"), &token, body).await.ok();
        }
    };
    chunks(json!({"data": "old"})).await;
    chunks(json!({"data": "longer", "committed": false})).await;
    let kv = &service.backend.tables.kv;
    let gate = service.faulty.on("Query").table(kv).nth(2).hold_before_store();
    service.faulty.on("Query").table(kv).page_of(3);
    let path = format!("{KV}/size/key/big");
    let reading = service.get(&path, &token);
    let committing = async {
        gate.arrived(1).await;
        service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "big"}]})).await.ok();
        service.fold().await;
        gate.release();
    };
    let (size, ()) = futures::join!(reading, committing);
    assert_eq!(size.ok()["size"], 6 * r#""longer""#.len());
}
