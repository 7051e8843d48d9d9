//! The audit trail of the whole deployment.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use terrapi::auth::{ApiKey, KeyEnvironment, Secret};
use terrapi::domain::Capability::AccessTokenCreate;
use terrapi::domain::{AuditAction, AuditOutcome, KeyId, UserId};
use terrapi::http::ClientInfo;
use terrapi::runtime::{Clock, Random};

use crate::support::TestService;
use crate::support::service::START;

const AUDIT: &str = "/api/v1/admin/audit";
const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

/// Adds an audit entry at the current time.
async fn note(service: &TestService, action: AuditAction, outcome: AuditOutcome, actor: UserId, key: Option<KeyId>) {
    let client = ClientInfo { source_ip: Some("192.0.2.7".into()), user_agent: None };
    let entry = client.audited(service.clock.now(), (action, outcome), actor, key);
    service.app.audit(entry).await.unwrap();
}

fn somebody() -> UserId {
    UserId::new(Random::default().id().unwrap())
}

fn some_key() -> KeyId {
    KeyId::new(Random::default().id().unwrap())
}

async fn pages(service: &TestService, query: &str) -> Vec<Vec<Value>> {
    super::pages(service, format!("{AUDIT}?{query}")).await
}

async fn actions(service: &TestService, query: &str) -> Vec<String> {
    let entries = pages(service, query).await.concat();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn audit_trail_is_newest_first_and_holds_no_secret() {
    let service = TestService::new().await;
    let token = service.token(&[AccessTokenCreate]);
    let mut secrets = Vec::new();
    for name in ["one", "other"] {
        let created = service.post(KEYS, &token, json!({"name": name, "capabilities": []})).await.ok();
        service.clock.advance_ms(10);
        let key = created["refresh_token"].as_str().unwrap().to_owned();
        service.call(Method::POST, REFRESH, &key, None).await.ok();
        service.app.background.settle().await;
        service.clock.advance_ms(10);
        let forged = ApiKey { id: ApiKey::parse(&key).unwrap().id, secret: Secret::new([7; 32]) };
        service.call(Method::POST, REFRESH, &forged.reveal(KeyEnvironment::Test), None).await.failed(403);
        service.app.background.settle().await;
        service.clock.advance_ms(10);
        service.delete(&format!("{KEYS}?id={}", created["id"].as_str().unwrap()), &token).await.ok();
        service.clock.advance_ms(10);
        secrets.push(key);
    }
    for action in [AuditAction::Login, AuditAction::PermissionChanged, AuditAction::Logout] {
        note(&service, action, AuditOutcome::Success, service.user, None).await;
        service.clock.advance_ms(10);
    }
    let trail = pages(&service, "").await.concat();
    let told: Vec<_> = trail.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    let key = ["key_deleted", "key_refreshed", "key_refreshed", "key_created"];
    assert_eq!(told, [&["logout", "permission_changed", "login"][..], &key, &key].concat());
    let outcomes: Vec<_> = trail.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes[4], outcomes.iter().filter(|outcome| **outcome == "refused").count()), ("refused", 2));
    assert_eq!(trail[3]["key_id"].as_str().map(str::len), Some(36));
    assert!(trail[..3].iter().all(|entry| entry.get("key_id").is_none()), "about no key");
    let text = format!("{trail:?}");
    assert!(secrets.iter().all(|secret| !text.contains(secret) && !text.contains(&secret[30..60])));
}

#[tokio::test]
async fn every_audit_entry_is_on_exactly_one_page() {
    let service = TestService::new().await;
    for number in 0..40 {
        note(&service, AuditAction::Login, AuditOutcome::Success, somebody(), None).await;
        service.clock.advance_ms(i64::from(number % 3 == 0));
    }
    let whole = pages(&service, "limit=100").await;
    assert_eq!(whole.len(), 1);
    let times: Vec<_> = whole[0].iter().map(|entry| entry["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");
    for limit in [1, 3, 7, 39, 40] {
        let found = pages(&service, &format!("limit={limit}")).await;
        assert!(found.iter().all(|page| page.len() <= limit));
        assert_eq!(found.concat(), whole[0], "{limit}");
    }
    // As the limit of 1 MB would end the reading of a partition.
    service.faulty.on("Query").page_of(2);
    for limit in [1, 7, 100] {
        assert_eq!(pages(&service, &format!("limit={limit}")).await.concat(), whole[0], "{limit}");
        assert_eq!(pages(&service, &format!("action=login&limit={limit}")).await.concat(), whole[0], "{limit}");
    }
}

#[tokio::test]
async fn audit_filters_work_alone_and_combined() {
    use AuditAction::{KeyCreated, KeyDeleted, KeyRefreshed, Login};
    use AuditOutcome::{Refused, Success};
    let service = TestService::new().await;
    let (ann, bob, key, other) = (somebody(), somebody(), some_key(), some_key());
    for (action, outcome, actor, key) in [
        (Login, Success, ann, None),
        (KeyCreated, Success, ann, Some(key)),
        (KeyCreated, Success, bob, Some(other)),
        (KeyRefreshed, Refused, ann, Some(key)),
        (KeyRefreshed, Success, bob, Some(other)),
        (KeyDeleted, Success, ann, Some(key)),
    ] {
        note(&service, action, outcome, actor, key).await;
        service.clock.advance_ms(1_000);
    }
    let at = |second: i64| terrapi::domain::Millis(START.0 + second * 1_000).rfc3339();
    let zone = "2026-09-21T16:13:24%2B02:00";
    for (query, expected) in [
        (String::new(), "key_deleted key_refreshed key_refreshed key_created key_created login"),
        (format!("user={ann}"), "key_deleted key_refreshed key_created login"),
        (format!("user={bob}&limit=1"), "key_refreshed key_created"),
        (format!("key={key}"), "key_deleted key_refreshed key_created"),
        (format!("key={key}&user={bob}"), ""),
        (format!("key={key}&outcome=refused"), "key_refreshed"),
        (format!("key={}", some_key()), ""),
        ("action=key_created&limit=1".into(), "key_created key_created"),
        ("outcome=refused".into(), "key_refreshed"),
        (format!("action=key_refreshed&outcome=success&user={bob}"), "key_refreshed"),
        (format!("from={}", at(4)), "key_deleted key_refreshed"),
        (format!("to={}", at(1)), "login"),
        (format!("from={}&to={}", at(1), at(3)), "key_created key_created"),
        (format!("from={}&to={}&limit=1", at(0), at(3)), "key_created key_created login"),
        (format!("from={zone}&key={key}"), "key_deleted"),
        (format!("from={}&to={}", at(1), at(1)), ""),
        ("from=1970-01-01T00:00:00Z&to=1970-01-01T00:00:00Z".into(), ""),
        ("from=0001-01-01T00:00:00Z&to=9999-12-30T00:00:00Z&action=login".into(), "login"),
        ("to=0001-01-01T00:00:00Z".into(), ""),
        ("from=9999-12-30T00:00:00Z".into(), ""),
    ] {
        assert_eq!(actions(&service, &query).await.join(" "), expected, "{query}");
    }
}

#[tokio::test]
async fn rare_audit_entry_is_found_at_bounded_cost_per_page() {
    let service = TestService::new().await;
    note(&service, AuditAction::Login, AuditOutcome::Success, service.user, None).await;
    for _ in 0..24 {
        service.clock.advance_ms(1);
        let noise = (0..100)
            .map(|_| note(&service, AuditAction::KeyRefreshed, AuditOutcome::Success, service.user, Some(some_key())));
        join_all(noise).await;
    }
    let (found, calls) = service.faulty.ledger().during(pages(&service, "action=login")).await;
    assert_eq!(found.concat().len(), 1);
    assert!((3..=4).contains(&found.len()), "2,401 entries, at most 1,000 a page: {}", found.len());
    assert!(found[0].is_empty(), "a short page with a link");
    let queries: Vec<_> = calls.iter().filter(|call| call.operation == "Query").collect();
    assert_eq!(queries.len(), 4 * found.len(), "each shard once a page");
    assert!(
        queries.iter().all(|call| call.read_units <= 40.0),
        "{:?}",
        queries.iter().map(|call| call.read_units).collect::<Vec<_>>()
    );
    assert!(calls.iter().all(|call| call.operation != "Scan"));
}

#[tokio::test]
async fn audit_cursor_with_other_filters_is_rejected() {
    let service = TestService::new().await;
    for _ in 0..3 {
        note(&service, AuditAction::Login, AuditOutcome::Success, service.user, None).await;
    }
    let token = service.admin_token(&[]);
    let filters =
        ["", "action=login", "outcome=success", &format!("user={}", service.user), "from=2020-01-01T00:00:00Z"];
    let mut cursors = Vec::new();
    for filter in filters {
        let next = service.get(&format!("{AUDIT}?limit=1&{filter}"), &token).await.next().unwrap();
        let (_, rest) = next.split_once("page=").unwrap();
        cursors.push(rest.split('&').next().unwrap().to_owned());
    }
    for (own, cursor) in cursors.iter().enumerate() {
        for (place, filter) in filters.iter().enumerate() {
            let reply = service.get(&format!("{AUDIT}?limit=1&{filter}&page={cursor}"), &token).await;
            if own == place {
                assert_eq!(reply.ok()["results"].as_array().unwrap().len(), 1);
            } else {
                assert_eq!(reply.failed(400), "INVALID_CURSOR", "{filter}");
            }
        }
    }
}

#[tokio::test]
async fn audit_entry_with_a_lost_answer_is_stored_once() {
    let service = TestService::new().await;
    let lost = service.faulty.on("PutItem").nth(1).cut_after_store();
    note(&service, AuditAction::Login, AuditOutcome::Success, service.user, None).await;
    assert_eq!(lost.count(), 1);
    assert_eq!(actions(&service, "").await, ["login"]);
    service.clock.advance_ms(90 * 24 * 3_600_000 - 1_000);
    assert_eq!(actions(&service, "").await, ["login"]);
    service.clock.advance_ms(1_000);
    assert!(actions(&service, "").await.is_empty());
}

#[tokio::test]
async fn role_is_read_with_every_request() {
    let service = TestService::new().await;
    let token = service.admin_token(&[]);
    service.get(AUDIT, &token).await.ok();
    service.app.store.set_administrator(service.user, false).await.unwrap();
    assert_eq!(service.get(AUDIT, &token).await.failed(403), "ADMINISTRATOR_REQUIRED");
    service.app.store.set_administrator(service.user, true).await.unwrap();
    service.faulty.on("GetItem").cut_before_store();
    assert_eq!(service.get(AUDIT, &token).await.failed(503), "UNAVAILABLE");
}
