//! The cost limit of each route: storage calls and capacity units on the warm path, for items below 1 KB.
//!
//! A change of this table is a change of the price.

mod team_tokens;

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId, KvStoreRead, KvStoreWrite};
use terrapi::domain::{DeadLetter, DeadLetterId, Run, RunKind, RunState, UserId, Vcs};
use terrapi::runtime::Clock;

use crate::support::browser::Browser;
use crate::support::service::KV;
use crate::support::{StreamPump, TestService};

/// The storage calls of one request, including those made in the background.
pub async fn cost(service: &TestService, method: Method, path: &str, token: &str, body: Option<Value>) -> Vec<String> {
    let (reply, calls) = service
        .faulty
        .ledger()
        .during(async {
            let reply = service.call(method, path, token, body).await;
            service.app.background.settle().await;
            reply
        })
        .await;
    assert!(reply.status.is_success(), "{}", String::from_utf8_lossy(&reply.bytes));
    calls.iter().map(ToString::to_string).collect()
}

pub fn repeat(line: &str, times: usize) -> Vec<String> {
    vec![line.to_owned(); times]
}

/// A service in which the token is already verified and its membership cached.
async fn warm() -> (TestService, String) {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await.ok();
    service.faulty.ledger().take();
    (service, token)
}

#[tokio::test]
async fn exchange_reads_its_key_once_and_records_use_each_minute() {
    let service = TestService::new().await;
    let key = service.api_key(&[KvStoreRead]).await;
    service.faulty.ledger().take();
    let refresh = "/api/v1/access-token/refresh";
    let first = cost(&service, Method::POST, refresh, &key, None).await;
    assert_eq!(first[0], "GetItem 1.0 RU");
    let mut beside = first[1..].to_vec();
    beside.sort();
    assert_eq!(
        beside,
        ["PutItem 2.0 WU", "UpdateItem 1.0 WU"],
        "the audit entry with its copy in the index, the last use"
    );
    let again = cost(&service, Method::POST, refresh, &key, None).await;
    assert_eq!(again, ["GetItem 1.0 RU", "PutItem 2.0 WU"]);
}

#[tokio::test]
async fn public_keys_are_read_once_in_ten_seconds() {
    let (service, _) = warm().await;
    let path = "/.well-known/jwks.json";
    let ask = async || cost(&service, Method::GET, path, "", None).await;
    assert_eq!(ask().await, ["Query 1.0 RU"]);
    service.clock.advance_ms(9_000);
    assert!(ask().await.is_empty());
    service.clock.advance_ms(1_000);
    let (_, calls) =
        service.faulty.ledger().during(async { tokio::join!(service.get(path, ""), service.get(path, "")) }).await;
    assert_eq!(calls.len(), 1, "concurrent requests share one read");
}

#[tokio::test]
async fn first_use_of_a_token_reads_its_membership_once() {
    let (service, _) = warm().await;
    let fresh = service.kv_token();
    let path = format!("{KV}/key/k");
    assert_eq!(cost(&service, Method::GET, &path, &fresh, None).await, repeat("GetItem 1.0 RU", 2));
    assert_eq!(cost(&service, Method::GET, &path, &fresh, None).await, repeat("GetItem 1.0 RU", 1));
}

#[tokio::test]
async fn session_costs_two_reads_and_an_hourly_write() {
    let (service, _) = warm().await;
    let cookie = service.session_of(service.user).await;
    let cost = async |path: &str| {
        let send = async {
            service.browse(Method::GET, path, &cookie, None).await.ok();
            service.app.background.settle().await;
        };
        let (_, calls) = service.faulty.ledger().during(send).await;
        calls.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(cost("/api/v1/whoami").await, repeat("GetItem 1.0 RU", 2), "the session, the user");
        assert_eq!(cost(&format!("{KV}/key/k")).await, repeat("GetItem 1.0 RU", 3), "and the membership");
    }
    service.clock.advance_ms(3_600_000);
    let mut calls = cost("/api/v1/whoami").await;
    calls.sort();
    assert_eq!(calls, ["GetItem 1.0 RU", "GetItem 1.0 RU", "UpdateItem 1.0 WU"]);
    assert_eq!(cost("/api/v1/whoami").await.len(), 2);
}

#[tokio::test]
async fn sign_in_writes_state_user_session_and_audit_entry() {
    let service = TestService::new().await;
    let names = |lines: Vec<String>| -> Vec<String> {
        lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let mut browser = Browser::new(&service);
    let page = browser.begin(Vcs::Github, "").await;
    assert_eq!(service.faulty.ledger().take_lines(), ["PutItem 1.0 WU"]);
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let first = ["UpdateItem", "GetItem", "TransactWriteItems", "Query", "PutItem", "PutItem"];
    assert_eq!(names(service.faulty.ledger().take_lines()), first);
    browser.get("/api/v1/github/whoami").await.ok();
    assert_eq!(names(service.faulty.ledger().take_lines()), ["GetItem", "GetItem"], "the session, the identity");
    browser.jar.remove("session");
    let page = browser.begin(Vcs::Github, "").await;
    service.faulty.ledger().take();
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let later = ["UpdateItem", "GetItem", "GetItem", "TransactWriteItems", "Query", "PutItem", "PutItem"];
    assert_eq!(names(service.faulty.ledger().take_lines()), later, "and whether they were an administrator");
    browser.get("/api/v1/user/github/installations").await.ok();
    service.clock.advance_ms(2 * 3_600_000);
    browser.jar.remove("session");
    let page = browser.begin(Vcs::Github, "").await;
    service.faulty.ledger().take();
    browser.get(&browser.agree(&page, Vcs::Github, 583_231)).await;
    let with_memberships = names(service.faulty.ledger().take_lines());
    // Starts a membership check, leases it, reads the memberships again, and confirms them.
    let check = ["Query", "UpdateItem", "UpdateItem", "Query", "TransactWriteItems"];
    assert_eq!(with_memberships[4..9], check, "{with_memberships:?}");
    assert_eq!(with_memberships.len(), 11);
}

#[tokio::test]
async fn provider_token_costs_one_read_and_renewal_two_writes() {
    let service = TestService::new().await;
    let user = Browser::new(&service).user(Vcs::Github, 583_231).await;
    let user = UserId::parse(&user).unwrap();
    service.faulty.ledger().take();
    service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert_eq!(service.faulty.ledger().take_lines(), ["GetItem 1.0 RU"]);
    service.clock.advance_ms(8 * 3_600_000);
    service.app.vcs_token(user, Vcs::Github).await.unwrap();
    assert_eq!(service.faulty.ledger().take_lines(), ["GetItem 1.0 RU", "UpdateItem 1.0 WU", "UpdateItem 1.0 WU"]);
}

#[tokio::test]
async fn single_records_cost_one_call() {
    let (service, token) = warm().await;
    let path = format!("{KV}/key/k");
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, ["GetItem 1.0 RU"]);
    assert_eq!(cost(&service, Method::PUT, &path, &token, Some(json!({"data": 2}))).await, ["UpdateItem 1.0 WU"]);
    let version = service.get(&path, &token).await.ok()["version"].clone();
    service.faulty.ledger().take();
    let body = json!({"data": 3, "version": version});
    assert_eq!(
        cost(&service, Method::PUT, &format!("{KV}/cas/key/k"), &token, Some(body)).await,
        ["UpdateItem 1.0 WU"]
    );
    let body = json!({"data": 3});
    assert_eq!(
        cost(&service, Method::PUT, &format!("{KV}/cas/key/n"), &token, Some(body)).await,
        ["UpdateItem 1.0 WU"]
    );
    let staged = json!({"data": 4, "committed": false});
    assert_eq!(cost(&service, Method::PUT, &format!("{KV}/key/n"), &token, Some(staged)).await, ["UpdateItem 1.0 WU"]);
    assert_eq!(cost(&service, Method::DELETE, &format!("{path}?idx=0"), &token, None).await, ["UpdateItem 1.0 WU"]);
}

#[tokio::test]
async fn record_with_a_draft_costs_three_reads() {
    let (service, token) = warm().await;
    let path = format!("{KV}/key/k");
    service.put(&path, &token, json!({"data": 2, "committed": false})).await.ok();
    service.faulty.ledger().take();
    let three = repeat("GetItem 1.0 RU", 3);
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, three, "the record, the head, the record again");
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    service.get(&path, &token).await.ok();
    service.faulty.ledger().take();
    assert_eq!(cost(&service, Method::GET, &path, &token, None).await, three, "its list is cached");
    let over = json!({"data": 3});
    assert_eq!(cost(&service, Method::PUT, &path, &token, Some(over)).await.len(), 3, "refused, the head, put");
}

#[tokio::test]
async fn listings_cost_the_head_and_a_query_a_page() {
    let (service, token) = warm().await;
    for number in 0..40 {
        service.put(&format!("{KV}/key/p{number:02}"), &token, json!({"data": "x".repeat(600)})).await.ok();
    }
    service.faulty.ledger().take();
    let first = cost(&service, Method::GET, &format!("{KV}/iter/p?prefix=true"), &token, None).await;
    assert_eq!(first[2..], ["GetItem 1.0 RU", "PutItem 1.0 WU"], "the seed of cursors, once in a deployment");
    let page = cost(&service, Method::GET, &format!("{KV}/iter/p?prefix=true"), &token, None).await;
    assert_eq!(page.len(), 2, "{page:?}");
    assert_eq!(page[0], "GetItem 1.0 RU");
    let units: f64 = page[1].split(' ').nth(1).unwrap().parse().unwrap();
    assert!(page[1].starts_with("Query") && units <= 8.0, "31 items of less than 1 KB: {page:?}");
    for path in ["count/key/p00", "size/key/p00"] {
        let calls = cost(&service, Method::GET, &format!("{KV}/{path}"), &token, None).await;
        assert_eq!(calls, ["GetItem 1.0 RU", "Query 1.0 RU"], "{path}");
    }
}

#[tokio::test]
async fn commit_reads_its_records_twice_and_publishes_by_one_write() {
    let (service, token) = warm().await;
    service.stage(&token, "first", &[json!(1)]).await;
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "first"}]})).await.ok();
    service.fold().await;
    service.stage(&token, "c", &vec![json!(1); 150]).await;
    service.faulty.ledger().take();
    let keys: Vec<Value> = (0..150).map(|idx| json!({"key": "c", "idx": idx})).collect();
    let calls = cost(&service, Method::POST, &format!("{KV}/commit"), &token, Some(json!({"keys": keys}))).await;
    let names: Vec<&str> = calls.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let batches = ["BatchGetItem"; 2];
    let expected = [&["GetItem"][..], &batches, &["PutItem", "UpdateItem"], &batches].concat();
    assert_eq!(names, expected, "the head, the records, the list, the publication, which drafts it published");
    assert_eq!(calls[4], "UpdateItem 1.0 WU");
}

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
    let drift = crate::admin::drifts::run(&service, Vcs::Github, 1);
    let other = Run { kind: RunKind::Index, ..crate::admin::drifts::run(&service, Vcs::Github, 1) };
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
        error: "storage was busy or away".into(),
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

#[tokio::test]
async fn refresh_costs_a_read_and_a_transaction() {
    let (service, _) = warm().await;
    let token = service.token(&[InstallationId("12345".into())]);
    let path = "/api/v1/github/installations/12345/repos/refresh";
    let membership = cost(&service, Method::POST, path, &token, None).await;
    assert_eq!(membership[..2], repeat("GetItem 1.0 RU", 2), "the membership once, the installation");
    assert_eq!(
        membership[2..],
        ["TransactWriteItems 6.0 WU"],
        "the claim, the task, its entry in the index of unfinished tasks"
    );
    let again = cost(&service, Method::POST, path, &token, None).await;
    assert_eq!(again, ["GetItem 1.0 RU", "UpdateItem 1.0 WU"]);
    let id = service.call(Method::POST, path, &token, None).await.ok()["id"].as_str().unwrap().to_owned();
    service.faulty.ledger().take();
    assert_eq!(cost(&service, Method::GET, &format!("/api/v1/tasks/{id}"), &token, None).await, ["GetItem 1.0 RU"]);
}

#[tokio::test]
async fn unchanged_refresh_writes_once_per_repository() {
    let (service, _) = warm().await;
    let token = service.token(&[InstallationId("12345".into())]);
    let path = "/api/v1/github/installations/12345/repos/refresh";
    service.github.hub(|hub| (1..=3).for_each(|id| drop(hub.installation(12345).add(id, "r").clone())));
    let mut pump = StreamPump::new(&service, "operations");
    for _ in 0..2 {
        service.call(Method::POST, path, &token, None).await.ok();
        service.faulty.ledger().take();
        pump.run(&service).await;
    }
    let calls: Vec<_> = service.faulty.ledger().take().iter().map(|call| call.operation.clone()).collect();
    let (taking, page) = (["GetItem", "UpdateItem", "GetItem"], ["BatchGetItem"]);
    let expected: Vec<&str> = [&taking[..], &page, &["UpdateItem"; 3], &["Query", "TransactWriteItems"]].concat();
    assert_eq!(calls, expected, "task, installation; the page; each one; the removed ones; the end");
}

#[tokio::test]
async fn installation_listing_reads_each_and_writes_changes() {
    let service = crate::installations::signed_in(Vcs::Github).await;
    let token = service.token(&[]);
    let listing = "/api/v1/user/github/installations";
    let names =
        |lines: &[String]| lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>();
    let calls = cost(&service, Method::GET, listing, &token, None).await;
    let unchanged = ["GetItem", "UpdateItem", "GetItem", "GetItem", "UpdateItem", "Query"];
    assert_eq!(names(&calls), unchanged, "the identity, the ticket, two installations, its claim, the memberships");
    service.github.hub(|hub| hub.installation(12345).members.clear());
    let calls = cost(&service, Method::GET, listing, &token, None).await;
    let changed = ["GetItem", "UpdateItem", "GetItem", "UpdateItem", "Query", "TransactWriteItems"];
    assert_eq!(names(&calls), changed, "and the removed memberships, together with its audit entry");
}

#[tokio::test]
async fn group_lookup_reads_the_caller_once() {
    let service = crate::installations::signed_in(Vcs::Gitlab).await;
    let token = service.token(&[InstallationId("555".into())]);
    service.gitlab.lab(|lab| lab.group(555).members.insert(77, 40));
    let member = cost(&service, Method::GET, "/api/v1/gitlab/groups/555/is-member", &token, None).await;
    assert_eq!(member, ["GetItem 1.0 RU"], "the identity with its tokens");
    let webhook = "/api/v1/gitlab/installations/555/webhook";
    cost(&service, Method::GET, webhook, &token, None).await;
    assert_eq!(cost(&service, Method::GET, webhook, &token, None).await, repeat("GetItem 1.0 RU", 3), "group, secret");
}
