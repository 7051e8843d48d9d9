//! Every permission of every role is used by calls of its function.
//!
//! The test makes its own calls, so that it says the same whatever else runs. Paths that only faults lead to are not among
//! them, unless a permission serves them alone.
//!
//! What Lambda does in the worker's name, reading the streams and writing to the queue of failures, its event sources grant.
//! A statement that named such an action would be unused here.

use std::time::Duration;

use http::Method;
use serde_json::json;
use terrapi::domain::Capability::{AccessTokenCreate, InstallationId};
use terrapi::domain::rate::Limit;
use terrapi::domain::{Millis, RunState, Vcs};
use terrapi::http::ClientInfo;
use terrapi::runtime::{Clock, Config, RateLimits, load_providers};
use worker::handle;

use super::bucket::overtaken_read;
use crate::authz::answer_every_route;
use crate::identity::users::naming;
use crate::key_rotation::rotation::{FIRST, Rotating};
use crate::support::browser::Browser;
use crate::support::bucket::Bucket;
use crate::support::provider_user::signed_in;
use crate::support::roles::Uses;
use crate::support::service::{KV, request};
use crate::support::{StreamPump, TestService};

const OCTOCAT: u64 = 583_231;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const EXCHANGE: &str = "/api/v1/access-token/refresh";
const KEYS: &str = "/api/v1/github/access-token";

/// What no call here uses, with the reason. This list may only shrink.
const EXCEPTIONS: [(&str, &str); 0] = [];

#[tokio::test]
async fn every_permission_of_every_role_is_used() {
    let uses = Uses::default();
    routes(&uses).await;
    rate_limits(&uses).await;
    exchanges(&uses).await;
    administration(&uses).await;
    sign_ins(&uses).await;
    memberships(&uses).await;
    records(&uses).await;
    tasks(&uses).await;
    secrets(&uses).await;
    let excepted = EXCEPTIONS.iter().map(|(grant, _)| (*grant).to_owned()).collect();
    assert_eq!(uses.unused(), excepted, "take what is unused out of template.yaml");
}

#[test]
fn unused_permission_is_named() {
    let uses = Uses::default();
    let session = |pk: &str| json!({"TableName": "terrapi-identity", "Key": {"pk": {"S": pk}, "sk": {"S": "session"}}});
    let action = "kv-store, statement 3: dynamodb:UpdateItem on IdentityTable.Arn".to_owned();
    let partitions = ["rate#*", "session#*"].map(|pattern| format!("kv-store, statement 3: partitions {pattern}"));
    assert!([&action, &partitions[0], &partitions[1]].iter().all(|grant| uses.unused().contains(*grant)));
    uses.record("kv-store", "UpdateItem", &session("session#1"));
    uses.record("kv-store", "UpdateItem", &session("user#1"));
    assert!(!uses.unused().contains(&action) && !uses.unused().contains(&partitions[1]));
    assert!(uses.unused().contains(&partitions[0]));
    let secret = "key-rotation, statement 1: secretsmanager:DescribeSecret on SigningSeed";
    assert!(uses.unused().contains(secret));
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:SigningSeed-AbCdEf";
    uses.record("key-rotation", "DescribeSecret", &json!({"SecretId": arn}));
    assert!(!uses.unused().contains(secret));
}

async fn service(uses: &Uses) -> TestService {
    watched(TestService::new().await, uses)
}

fn watched(service: TestService, uses: &Uses) -> TestService {
    service.faulty.judge_by(uses.judge());
    service
}

/// Each route, by a token and by a session, when memberships are due for a check; and what a process does at its start.
async fn routes(uses: &Uses) {
    for by_session in [false, true] {
        let service = service(uses).await;
        service.clock.advance_ms(DAY_MS + 1);
        answer_every_route(&service, by_session).await;
        for function in ["kv-store", "admin", "installations", "identity", "team-tokens"] {
            service.app_of(function).warm_up().await;
        }
    }
}

/// A report to a rate budget by each function that has routes with callers.
async fn rate_limits(uses: &Uses) {
    let patience = Duration::from_secs(10);
    let rates = RateLimits { anonymous: Limit::per_second(1, 2), patience, ..RateLimits::default() };
    let service = watched(TestService::limited(rates).await, uses);
    let probes = [
        (Method::POST, EXCHANGE),
        (Method::GET, "/api/v1/github/kv/12345/key/k"),
        (Method::GET, KEYS),
        (Method::GET, "/api/v1/gitlab/groups"),
        (Method::GET, "/api/v1/whoami"),
        (Method::GET, "/api/v2/account/details"),
    ];
    for (number, (method, path)) in probes.into_iter().enumerate() {
        for _ in 0..2 {
            let mut probe = request(method.clone(), path, "garbage", None);
            let source_ip = Some(format!("192.0.2.{}", number + 1));
            probe.extensions_mut().insert(ClientInfo { source_ip, user_agent: None });
            assert!(matches!(service.send(probe).await.status.as_u16(), 401 | 403), "{path}");
        }
    }
}

/// A team's token for an access token, when its owner's membership is due for a check.
async fn exchanges(uses: &Uses) {
    let service = service(uses).await;
    let acme = service.acme().await;
    service.clock.advance_ms(DAY_MS + 1);
    service.post(EXCHANGE, &acme.team_token, json!({})).await.ok();
    service.app.background.settle().await;
}

/// A key for an installation whose membership is due for a check, and what administrators do with what is there.
async fn administration(uses: &Uses) {
    let service = service(uses).await;
    service.clock.advance_ms(DAY_MS + 1);
    service.acme().await;
    let (admin, owner) = (service.admin_token(&[]), service.token(&[AccessTokenCreate]));
    let body = json!({"name": "ci", "capabilities": [{"name": "installation_id", "id": "12345"}]});
    let created = service.post(KEYS, &owner, body).await.ok();
    service.delete(&format!("{KEYS}?id={}", created["id"].as_str().unwrap()), &owner).await.ok();
    // The key's creation and its deletion: the second page needs a cursor.
    service.get("/api/v1/admin/audit?limit=1", &admin).await.ok();
    let run = crate::admin::drifts::run(&service, Vcs::Github, 1);
    service.app.store.create_run(&run).await.unwrap();
    service.app.store.move_run(run.id, RunState::Completed, service.clock.now()).await.unwrap();
    service.get("/api/v1/admin/drifts", &admin).await.ok();
    service.delete("/api/v1/admin/organizations/acme", &admin).await;
    let membership = format!("/api/v1/admin/users/{}/memberships/github/12345", service.user);
    service.delete(&membership, &admin).await;
}

/// Sign-ins of somebody new, and of somebody whose memberships are known.
async fn sign_ins(uses: &Uses) {
    let service = service(uses).await;
    let mut browser = Browser::new(&service);
    browser.user(Vcs::Github, OCTOCAT).await;
    browser.get("/api/v1/user/github/installations").await.ok();
    service.clock.advance_ms(2 * HOUR_MS);
    browser.user(Vcs::Github, OCTOCAT).await;
    // The configuration makes the person an administrator, and then no longer.
    for administrators in [&format!("github:{OCTOCAT}"), "github:1"] {
        Browser::on(&service, naming(&service, administrators)).user(Vcs::Github, OCTOCAT).await;
    }
    service.app.background.settle().await;
}

/// Listings and checks that take a membership away and give it back.
async fn memberships(uses: &Uses) {
    let service = watched(signed_in(Vcs::Github).await, uses);
    let mut pump = StreamPump::new(&service, "operations");
    let list = async || service.get("/api/v1/user/github/installations", &service.token(&[])).await.ok();
    let member = service.github.hub(|hub| hub.installations.remove(&67890).unwrap());
    list().await;
    service.github.hub(|hub| hub.installations.insert(67890, member));
    list().await;
    // The person leaves an installation, and then its list is read.
    service.github.hub(|hub| hub.installation(67890).members.remove(&OCTOCAT));
    list().await;
    // Later than the person's token lives: a check renews it.
    service.clock.advance_ms(DAY_MS + 1);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    service.put(&format!("{KV}/key/k"), &service.kv_token(), json!({"data": 1})).await.ok();
    pump.run(&service).await;
    service.get("/api/v1/user/github/installations", &service.token(&[])).await.ok();
}

/// Records: committed, folded by either function, written over a draft, and too large for an item.
async fn records(uses: &Uses) {
    let service = service(uses).await;
    let (mut pump, token) = (StreamPump::new(&service, "kv"), service.kv_token());
    let commit = async || {
        service.stage(&token, "k", &[json!(1)]).await;
        service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    };
    commit().await;
    pump.run(&service).await;
    commit().await;
    let namespace = crate::installations::INSTALLATION;
    assert_eq!(service.app_of("kv-store").store.fold_commits(namespace).await.unwrap(), 1);
    service.stage(&token, "draft", &[json!(1)]).await;
    service.put(&format!("{KV}/key/draft"), &token, json!({"data": 2})).await.ok();
    let bucket = Bucket::judged_by(uses.judge()).await;
    overtaken_read(&service, &bucket).await;
    pump.run(&service).await;
}

/// A refresh of repositories, the timer, and a dead letter that is tried again.
async fn tasks(uses: &Uses) {
    let service = service(uses).await;
    let mut operations = StreamPump::new(&service, "operations");
    let token = service.token(&[InstallationId("12345".into())]);
    service.github.hub(|hub| {
        hub.installation(12345).add(1, "r1");
    });
    for _ in 0..2 {
        service.call(Method::POST, crate::installations::REFRESH, &token, None).await.ok();
        operations.run(&service).await;
        service.github.hub(|hub| hub.installation(12345).repositories.clear());
    }
    let timer = serde_json::from_value(json!({"timer": "tasks"})).unwrap();
    handle(&service.app_of("worker"), timer, Millis(i64::MAX)).await.unwrap();
    let letter = crate::admin::dead_letters::put(&service, 0).await;
    let replay = format!("/api/v1/admin/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    service.call(Method::POST, &replay, &service.admin_token(&[]), None).await;
    operations.run(&service).await;
}

/// A rotation of the signing key, and the providers' secret read by each function that talks to them.
async fn secrets(uses: &Uses) {
    let rotating = Rotating::judged_by(uses.judge()).await;
    rotating.rotate(FIRST).await;
    let secret = rotating.moto.create("ProviderSecret", "{}").await;
    for function in ["identity", "installations", "worker"] {
        let config = rotating.moto.config_of(function, &secret, &rotating.faulty);
        load_providers(&Config { provider_secret: Some(secret.clone()), ..config }).await.unwrap();
    }
}
