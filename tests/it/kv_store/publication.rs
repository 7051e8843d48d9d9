//! Commits that overlap, whose publication is answered late or never, or whose drafts change before publication.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};

use crate::support::faulty::{Gate, Refusal};
use crate::support::service::{KV, request, send_to};
use crate::support::{Reply, TestService};

fn commit_of(keys: &[&str]) -> Value {
    json!({"keys": keys.iter().map(|key| json!({"key": key})).collect::<Vec<_>>()})
}

/// The keys that a commit says it published.
fn published(commit: &Reply) -> Vec<String> {
    let keys = commit.ok()["keys"].clone();
    keys.as_array().unwrap().iter().map(|listed| listed["key"].as_str().unwrap().to_owned()).collect()
}

/// Whether a call adds a commit to the head.
fn publishes(body: &Value) -> bool {
    body["UpdateExpression"].as_str().is_some_and(|update| update.contains("commits.#id = "))
}

async fn stage(service: &TestService, token: &str, keys: &[&str]) {
    for key in keys {
        service.put(&format!("{KV}/key/{key}"), token, json!({"data": "old"})).await.ok();
        service.put(&format!("{KV}/key/{key}"), token, json!({"data": "new", "committed": false})).await.ok();
    }
}

/// A service whose head exists, so that every publication is an update of it.
async fn service_with_head() -> (TestService, String) {
    let service = TestService::new().await;
    let token = service.kv_token();
    stage(&service, &token, &["first"]).await;
    service.post(&format!("{KV}/commit"), &token, commit_of(&["first"])).await.ok();
    service.fold().await;
    (service, token)
}

/// Holds the next publication before it takes effect.
fn hold_publication(service: &TestService) -> Gate {
    service.faulty.on("UpdateItem").matching(publishes).nth(1).hold_before_store()
}

#[tokio::test]
async fn overlapping_commits_list_each_draft_once() {
    for folded in [false, true] {
        let (service, token) = service_with_head().await;
        stage(&service, &token, &["a", "b", "c"]).await;
        let path = format!("{KV}/commit");
        let gate = hold_publication(&service);
        let slow = service.post(&path, &token, commit_of(&["a", "b"]));
        let quick = async {
            gate.arrived(1).await;
            let quick = service.post(&path, &token, commit_of(&["b", "c"])).await;
            if folded {
                service.fold().await;
            }
            gate.release();
            quick
        };
        let (slow, quick) = futures::join!(slow, quick);
        assert_eq!(published(&quick), ["b", "c"], "folded: {folded}");
        assert_eq!(published(&slow), ["a"], "folded: {folded}");
        service.assert_kv_settled().await;
    }
}

#[tokio::test]
async fn commit_omits_a_draft_that_was_replaced_before_publication() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["deleted", "overwritten", "staged-again", "untouched"]).await;
    let gate = hold_publication(&service);
    let path = format!("{KV}/commit");
    let commit = service.post(&path, &token, commit_of(&["deleted", "overwritten", "staged-again", "untouched"]));
    let meanwhile = async {
        gate.arrived(1).await;
        service.delete(&format!("{KV}/key/deleted?idx=0"), &token).await.ok();
        service.put(&format!("{KV}/key/overwritten"), &token, json!({"data": "set"})).await.ok();
        let again = json!({"data": "newer", "committed": false});
        service.put(&format!("{KV}/key/staged-again"), &token, again).await.ok();
        gate.release();
    };
    let (commit, ()) = futures::join!(commit, meanwhile);
    assert_eq!(published(&commit), ["staged-again", "untouched"]);
    assert_eq!(service.get(&format!("{KV}/key/staged-again"), &token).await.ok()["data"], "newer");
    service.assert_kv_settled().await;
}

/// The commit's caller may write the drafts that it read, but not those that take their place before the publication.
#[tokio::test]
async fn commit_omits_a_draft_closed_before_publication() {
    let (service, token) = service_with_head().await;
    let owner = service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]);
    stage(&service, &token, &["closed", "reopened", "untouched"]).await;
    let gate = hold_publication(&service);
    let path = format!("{KV}/commit");
    let commit = service.post(&path, &token, commit_of(&["closed", "reopened", "untouched"]));
    let close = json!({"data": "secret", "committed": false, "write_caps": ["access_token_create"]});
    let open = json!({"data": "newer", "committed": false, "write_caps": null});
    let meanwhile = async {
        gate.arrived(1).await;
        for key in ["closed", "reopened"] {
            service.put(&format!("{KV}/key/{key}"), &owner, close.clone()).await.ok();
        }
        service.put(&format!("{KV}/key/reopened"), &owner, open).await.ok();
        gate.release();
    };
    let (commit, ()) = futures::join!(commit, meanwhile);
    assert_eq!(published(&commit), ["untouched"]);
    for folded in [false, true] {
        if folded {
            service.fold().await;
        }
        let read = async |path: &str| service.get(&format!("{KV}/key/{path}"), &owner).await.ok();
        assert_eq!(read("closed").await["data"], "old", "folded: {folded}");
        assert_eq!(read("closed?committed=false").await["data"], "secret", "folded: {folded}");
        assert_eq!(read("reopened?committed=false").await["data"], "newer", "folded: {folded}");
    }
    assert_eq!(published(&service.post(&path, &token, commit_of(&["closed", "reopened"])).await), ["reopened"]);
    assert_eq!(published(&service.post(&path, &owner, commit_of(&["closed"])).await), ["closed"]);
    service.assert_kv_settled().await;
}

#[tokio::test]
async fn commit_lists_a_draft_that_was_replaced_after_publication() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["deleted", "overwritten", "untouched"]).await;
    let gate = service.faulty.on("UpdateItem").matching(publishes).nth(1).hold_after_store();
    let path = format!("{KV}/commit");
    let commit = service.post(&path, &token, commit_of(&["deleted", "overwritten", "untouched"]));
    let meanwhile = async {
        gate.arrived(1).await;
        service.delete(&format!("{KV}/key/deleted?idx=0"), &token).await.ok();
        service.put(&format!("{KV}/key/overwritten"), &token, json!({"data": "set"})).await.ok();
        service.fold().await;
        gate.release();
    };
    let (commit, ()) = futures::join!(commit, meanwhile);
    assert_eq!(published(&commit), ["deleted", "overwritten", "untouched"]);
}

/// The answer to the publication is lost. The worker folds the commit and removes its list before the outcome is read.
#[tokio::test]
async fn commit_folded_after_a_lost_answer_is_recognised() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["a", "b"]).await;
    let cut = service.faulty.on("UpdateItem").matching(publishes).nth(1).cut_after_store();
    let lost = cut.clone();
    let next = service.faulty.on("*").table(&service.backend.tables.kv).matching(move |_| lost.count() == 1);
    let gate = next.nth(1).hold_before_store();
    let path = format!("{KV}/commit");
    let commit = service.post(&path, &token, commit_of(&["a", "b"]));
    let worker = async {
        gate.arrived(1).await;
        assert_eq!(service.fold().await, 1);
        gate.release();
    };
    let (commit, ()) = futures::join!(commit, worker);
    assert_eq!(published(&commit), ["a", "b"]);
    assert_eq!(service.fold().await, 0, "the commit is not added a second time");
    assert_eq!(service.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "new");
    service.assert_kv_settled().await;
}

/// A publication times out, is repeated and folded; then the store executes the first attempt.
#[tokio::test]
async fn publication_stored_after_folding_has_no_effect() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["a", "b"]).await;
    let late = service.faulty.on("UpdateItem").matching(publishes).nth(1).store_late();
    let commit = service.post(&format!("{KV}/commit"), &token, commit_of(&["a", "b"])).await;
    assert_eq!(published(&commit), ["a", "b"]);
    assert_eq!(service.fold().await, 1);
    service.put(&format!("{KV}/key/a"), &token, json!({"data": "newer", "committed": false})).await.ok();
    late.release();
    service.faulty.settled().await;
    // The head names a commit without a list until the worker handles it.
    let sandbox = service.sandbox();
    let get =
        async |path: &str| send_to(&sandbox, request(Method::GET, &format!("{KV}/{path}"), &token, None)).await.ok();
    assert_eq!(get("key/a").await["data"], "new");
    assert_eq!(get("key/a?committed=false").await["data"], "newer");
    assert_eq!(get("iter/a?prefix=true").await["results"][0]["data"], "new");
    assert_eq!(get("count/key/a").await["count"], 1);
    service.put(&format!("{KV}/key/a"), &token, json!({"data": "newest", "committed": false})).await.ok();
    assert_eq!(service.fold().await, 1, "the worker removes it from the head");
    assert_eq!(get("key/a").await["data"], "new");
    service.assert_kv_settled().await;
}

#[tokio::test]
async fn commit_whose_answer_cannot_be_completed_is_unknown() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["a"]).await;
    let published = service.faulty.on("UpdateItem").matching(publishes).nth(1).hold_after_store();
    let path = format!("{KV}/commit");
    let commit = service.post(&path, &token, commit_of(&["a"]));
    let fail = async {
        published.arrived(1).await;
        service.faulty.on("BatchGetItem").die_before_store();
        published.release();
    };
    let (commit, ()) = futures::join!(commit, fail);
    assert_eq!(commit.failed(503), "OUTCOME_UNKNOWN");
    service.faulty.heal();
    assert_eq!(service.get(&format!("{KV}/key/a"), &token).await.ok()["data"], "new");
}

#[tokio::test]
async fn folding_retries_transaction_conflicts() {
    let (service, token) = service_with_head().await;
    stage(&service, &token, &["a"]).await;
    service.post(&format!("{KV}/commit"), &token, commit_of(&["a"])).await.ok();
    let folds = |body: &Value| body["UpdateExpression"].as_str().is_some_and(|update| update.contains("REMOVE draft"));
    let takes_off = |body: &Value| body["UpdateExpression"] == "REMOVE commits.#id";
    let conflict = |condition: fn(&Value) -> bool| {
        service.faulty.on("UpdateItem").matching(condition).first(2).refuse(Refusal::TransactionConflict)
    };
    let hits = [conflict(folds), conflict(takes_off)];
    assert_eq!(service.fold().await, 1);
    assert_eq!(hits.map(|hits| hits.count()), [2, 2]);
    service.assert_kv_settled().await;
}
