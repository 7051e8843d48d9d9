//! Storage that refuses, loses answers, or fails while the function is killed.

use futures::stream::{self, StreamExt};
use serde_json::json;
use terrapi::domain::Capability;

use super::{LIST, data, described, legacy, secret, status};
use crate::support::TestService;
use crate::support::faulty::Refusal;
use crate::support::organizations::{ACME, PLATFORM, PLATFORM_TOKEN};

const ACME_PATH: &str = "/api/v2/organizations/acme";

/// The number of services that run at once, so that a small machine can keep up.
const AT_ONCE: usize = 4;

/// Kills a request at each of its storage calls, in parallel. Returns the number of calls at which it was killed.
async fn killed_at_each<F: Future<Output = usize>>(most: usize, kill_at: impl Fn(usize) -> F) -> usize {
    let hits: Vec<usize> = stream::iter((1..=most).map(kill_at)).buffered(AT_ONCE).collect().await;
    let calls = hits.iter().take_while(|hits| **hits > 0).count();
    assert!(calls < most && hits[calls..].iter().all(|hits| *hits == 0), "{hits:?}");
    calls
}

#[tokio::test]
async fn killed_replacement_leaves_exactly_one_valid_token() {
    for after_store in [false, true] {
        let calls = killed_at_each(10, async |call| {
            let service = TestService::new().await;
            let acme = service.acme().await;
            let rule = service.faulty.on("*").nth(call);
            let hits = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let killed = service.post(&legacy(), &acme.organization_token, json!({})).await;
            service.faulty.heal();
            let list = service.get(LIST, &acme.organization_token).await.ok();
            assert_eq!(list["data"].as_array().unwrap().len(), 1, "call {call}");
            let replaced = list["data"][0]["id"] != PLATFORM_TOKEN;
            assert_eq!(status(&service, &acme.team_token).await, if replaced { 401 } else { 200 }, "call {call}");
            if killed.status == 201 {
                assert_eq!(status(&service, &secret(&data(&killed, 201))).await, 200, "call {call}");
            }
            data(&service.post(&legacy(), &acme.organization_token, json!({})).await, 201);
            hits.count()
        });
        assert!(calls.await >= 4);
    }
}

#[tokio::test]
async fn creation_with_a_lost_answer_returns_its_result() {
    for path in [legacy(), described()] {
        let service = TestService::new().await;
        let acme = service.acme().await;
        let hits = service.faulty.on("TransactWriteItems").first(4).cut_after_store();
        let body = json!({"data": {"attributes": {"description": "ci"}}});
        let created = data(&service.post(&path, &acme.organization_token, body).await, 201);
        assert!(hits.count() > 0);
        assert_eq!(status(&service, &secret(&created)).await, 200, "{path}");
    }
}

#[tokio::test]
async fn transaction_conflict_is_retried() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let hits = service.faulty.on("TransactWriteItems").first(3).refuse(Refusal::TransactionCanceledByConflict);
    let created = data(&service.post(&legacy(), &acme.organization_token, json!({})).await, 201);
    assert_eq!((hits.count(), status(&service, &secret(&created)).await), (3, 200));
}

#[tokio::test]
async fn unavailable_storage_is_503_as_json_api() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.faulty.on("*").refuse(Refusal::Throttling);
    let reply = service.get(LIST, &acme.organization_token).await;
    assert_eq!(super::problem(&reply, 503), ("service unavailable".to_owned(), None));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn failed_use_record_does_not_fail_the_request() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    service.faulty.on("UpdateItem").refuse(Refusal::Throttling);
    assert_eq!(status(&service, &acme.team_token).await, 200);
    service.app.background.settle().await;
}

#[tokio::test]
async fn killed_organization_deletion_is_finished_by_a_retry() {
    let calls = killed_at_each(14, async |call| {
        let service = TestService::new().await;
        let acme = service.acme().await;
        service.described(&acme.platform, 3).await;
        let owner = service.token(&[Capability::AccessTokenCreate]);
        let hits = service.faulty.on("*").nth(call).die_after_store();
        let killed = service.delete(ACME_PATH, &owner).await;
        service.faulty.heal();
        // It is its owner's until it is gone.
        let there = status(&service, &acme.organization_token).await == 200;
        assert!(!there || killed.status == 503, "call {call}");
        let again = service.delete(ACME_PATH, &owner).await;
        assert_eq!(again.status, if there { 204 } else { 404 }, "call {call}: {again:?}");
        for secret in [&acme.team_token, &acme.organization_token] {
            assert_eq!(status(&service, secret).await, 401, "call {call}");
        }
        let next = json!({"data": {"attributes": {"name": ACME, "email": "a@b.test"}}});
        data(&service.post("/api/v2/organizations", &owner, next).await, 201);
        hits.count()
    });
    assert!(calls.await >= 8);
}

#[tokio::test]
async fn killed_team_deletion_leaves_no_valid_token() {
    let calls = killed_at_each(11, async |call| {
        let service = TestService::new().await;
        let acme = service.acme().await;
        service.described(&acme.platform, 3).await;
        let hits = service.faulty.on("*").nth(call).die_after_store();
        service.delete(&format!("/api/v2/teams/{PLATFORM}"), &acme.organization_token).await;
        service.faulty.heal();
        let there = service.get(&format!("/api/v2/teams/{PLATFORM}"), &acme.organization_token).await.status == 200;
        assert_eq!(status(&service, &acme.team_token).await, if there { 200 } else { 401 }, "call {call}");
        let count = service.get(LIST, &acme.organization_token).await.ok()["data"].as_array().unwrap().len();
        assert_eq!(count, if there { 4 } else { 0 }, "call {call}");
        hits.count()
    });
    assert!(calls.await >= 5);
}
