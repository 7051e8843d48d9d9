//! The cost of the routes for API keys, tasks and administrators.

use http::Method;
use serde_json::json;
use terrapi::domain::Capability::{AccessTokenCreate, KvStoreRead, KvStoreWrite};
use terrapi::domain::{DeadLetter, DeadLetterId, Run, RunKind, RunState, Vcs};
use terrapi::runtime::Clock;

use super::{cost, repeat};
use crate::admin::drifts;
use crate::support::TestService;

#[tokio::test]
async fn audit_page_costs_a_role_read_and_a_query_per_shard() {
    let service = TestService::new().await;
    let token = service.admin_token(&[AccessTokenCreate]);
    for name in ["a", "b", "c"] {
        let body = json!({"name": name, "capabilities": []});
        service.post("/api/v1/github/access-token", &token, body).await.ok();
    }
    service.faulty.ledger().take();
    let audit = "/api/v1/admin/audit";
    let calls = cost(&service, Method::GET, audit, &token, None).await;
    assert_eq!(calls, [repeat("GetItem 1.0 RU", 1), repeat("Query 0.5 RU", 4)].concat());
    let key = service.get(audit, &token).await.ok()["results"][0]["key_id"].as_str().unwrap().to_owned();
    service.faulty.ledger().take();
    let calls = cost(&service, Method::GET, &format!("{audit}?key={key}"), &token, None).await;
    assert_eq!(calls, ["GetItem 1.0 RU", "Query 1.0 RU"]);
}

#[tokio::test]
async fn drift_page_costs_a_role_read_shard_queries_and_a_batch() {
    let service = TestService::new().await;
    let token = service.admin_token(&[]);
    let drifts = "/api/v1/admin/drifts";
    let shards = [repeat("GetItem 1.0 RU", 1), repeat("Query 0.5 RU", 4)].concat();
    assert_eq!(cost(&service, Method::GET, drifts, &token, None).await, shards);
    let store = &service.app.store;
    let drift = drifts::run(&service, Vcs::Github, 1);
    let other = Run { kind: RunKind::Index, ..drifts::run(&service, Vcs::Github, 1) };
    for (run, price) in [(drift, "2.0"), (other, "1.0")] {
        store.create_run(&run).await.unwrap();
        store.move_run(run.id, RunState::Completed, service.clock.now()).await.unwrap();
        let expected = ["PutItem", "UpdateItem"].map(|name| format!("{name} {price} WU"));
        assert_eq!(service.faulty.ledger().take_lines(), expected, "a drift run with its copy in the index");
        store.unlock_drift(run.namespace, run.repository.id, service.clock.now()).await.unwrap();
        service.faulty.ledger().take();
    }
    let calls = cost(&service, Method::GET, drifts, &token, None).await;
    assert_eq!(calls, [shards, repeat("BatchGetItem 1.0 RU", 1)].concat());
}

#[tokio::test]
async fn listings_of_an_installation_are_one_query_each() {
    let service = TestService::new().await;
    service.acme().await;
    let token = service.admin_token(&[]);
    let members = "/api/v1/admin/users?installation_id=12345&vcs=github";
    let calls = cost(&service, Method::GET, members, &token, None).await;
    assert_eq!(calls[..2], ["GetItem 1.0 RU", "Query 0.5 RU"], "the role, the index");
    assert_eq!(calls.len(), 3, "and the logins, in one batch: {calls:?}");
    let organizations = "/api/v1/admin/organizations?installation_id=12345&vcs=github";
    assert_eq!(cost(&service, Method::GET, organizations, &token, None).await, ["GetItem 1.0 RU", "Query 0.5 RU"]);
    let both = cost(&service, Method::GET, "/api/v1/admin/organizations?installation_id=12345", &token, None).await;
    assert_eq!(both.len(), 3, "a query for each provider: {both:?}");
    let end = format!("/api/v1/admin/users/{}/memberships/github/12345", service.user);
    let calls = cost(&service, Method::DELETE, &end, &token, None).await;
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[1].starts_with("TransactWriteItems"), "{calls:?}");
}

#[tokio::test]
async fn dead_letters_cost_a_role_read_and_one_call() {
    let service = TestService::new().await;
    let token = service.admin_token(&[]);
    let letters = "/api/v1/admin/dead-letters";
    let at = service.clock.now();
    let letter = DeadLetter {
        id: DeadLetterId::new(at, "fold", "1").unwrap(),
        change: "{}".into(),
        attempts: 5,
        error: "storage was busy or unavailable".into(),
        first_failed_at: at,
        last_failed_at: at,
        replay_requested_at: None,
    };
    service.app.store.put_dead_letter(&letter).await.unwrap();
    service.faulty.ledger().take();
    assert_eq!(cost(&service, Method::GET, letters, &token, None).await, ["GetItem 1.0 RU", "Query 1.0 RU"]);
    let replay = format!("{letters}/{}/replay", letter.id);
    assert_eq!(cost(&service, Method::POST, &replay, &token, None).await, ["GetItem 1.0 RU", "UpdateItem 1.0 WU"]);
}

#[tokio::test]
async fn key_listing_costs_a_query_and_a_batch_and_whoami_a_read() {
    let service = TestService::new().await;
    let token = service.token(&[AccessTokenCreate, KvStoreRead, KvStoreWrite]);
    let path = "/api/v1/github/access-token";
    for name in ["a", "b", "c"] {
        service.post(path, &token, json!({"name": name, "capabilities": ["kv_store_read"]})).await.ok();
    }
    service.faulty.ledger().take();
    let names =
        |lines: Vec<String>| lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(cost(&service, Method::GET, path, &token, None).await), ["Query", "BatchGetItem"]);
    let create = json!({"name": "d", "capabilities": []});
    let create = names(cost(&service, Method::POST, path, &token, Some(create)).await);
    assert_eq!(
        create,
        ["GetItem", "TransactWriteItems"],
        "the key behind the token; the key, its uniqueness marker, the audit entry"
    );
    let limited = json!({"name": "e", "capabilities": [{"name": "installation_id", "id": "12345"}]});
    let created = service.call(Method::POST, path, &token, Some(limited));
    let (created, calls) = service.faulty.ledger().during(created).await;
    let calls = names(calls.iter().map(ToString::to_string).collect());
    assert_eq!(calls, ["BatchGetItem", "GetItem", "TransactWriteItems"], "the memberships that decide");
    let id = created.ok()["id"].as_str().unwrap().to_owned();
    let delete = names(cost(&service, Method::DELETE, &format!("{path}?id={id}"), &token, None).await);
    assert_eq!(delete, ["GetItem", "TransactWriteItems", "Query"], "the key, its removal, the result");
    assert_eq!(names(cost(&service, Method::GET, "/api/v1/whoami", &token, None).await), ["GetItem"]);
    assert_eq!(names(cost(&service, Method::GET, "/health", "", None).await), ["GetItem"]);
}
