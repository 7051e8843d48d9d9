//! Keys created with access tokens of other keys: their expiry, and cascading deletion.

use http::Method;
use serde_json::{Value, json};
use terrapi::auth::{ApiKey, Secret};
use terrapi::domain::Capability::AccessTokenCreate;
use terrapi::domain::{ApiKeyRecord, KeyId, Lineage};
use terrapi::runtime::Random;

use crate::support::{Reply, TestService};

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

/// A key, and an access token exchanged for it.
struct Key {
    id: String,
    secret: String,
    token: String,
}

async fn exchanged(service: &TestService, secret: &str) -> String {
    service.call(Method::POST, REFRESH, secret, None).await.ok()["token"].as_str().unwrap().to_owned()
}

fn body(name: &str) -> Value {
    json!({"name": name, "capabilities": ["access_token_create"]})
}

async fn key_of(service: &TestService, created: Value) -> Key {
    let (id, secret) =
        (created["id"].as_str().unwrap().to_owned(), created["refresh_token"].as_str().unwrap().to_owned());
    let token = exchanged(service, &secret).await;
    service.app.background.settle().await;
    Key { id, secret, token }
}

/// A key created by a session.
async fn root(service: &TestService, body: Value) -> Key {
    let cookie = service.session_of(service.user).await;
    let created = service.browse(Method::POST, KEYS, &cookie, Some(body)).await.ok();
    assert_eq!(created.get("created_by_key"), None, "a session's key has no parent");
    key_of(service, created).await
}

/// A key created with an access token of another key.
async fn child(service: &TestService, of: &Key, name: &str) -> Key {
    let created = service.post(KEYS, &of.token, body(name)).await.ok();
    assert_eq!(created["created_by_key"], of.id);
    key_of(service, created).await
}

async fn delete(service: &TestService, id: &str, cascade: &str) -> Reply {
    service.delete(&format!("{KEYS}?id={id}{cascade}"), &service.token(&[AccessTokenCreate])).await
}

const CASCADE: &str = "&cascade=true";

/// The names of all keys.
async fn names(service: &TestService) -> Vec<String> {
    let listed = service.get(&format!("{KEYS}?limit=100"), &service.token(&[AccessTokenCreate])).await.ok();
    listed["results"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap().to_owned()).collect()
}

async fn assert_buys_nothing(service: &TestService, key: &Key) {
    assert_eq!(service.call(Method::POST, REFRESH, &key.secret, None).await.failed(403), "INVALID_TOKEN");
}

#[tokio::test]
async fn last_token_of_a_deleted_key_creates_nothing() {
    let service = TestService::new().await;
    let parent = root(&service, body("parent")).await;
    delete(&service, &parent.id, "").await.ok();
    let refused = service.post(KEYS, &parent.token, body("child")).await;
    assert_eq!(refused.failed(403), "KEY_REVOKED");
    assert_eq!(refused.header("www-authenticate"), Some(r#"Bearer error="invalid_token""#));
    assert_eq!(names(&service).await, Vec::<String>::new());
}

#[tokio::test]
async fn key_deleted_while_it_creates_another_creates_nothing() {
    let service = TestService::new().await;
    let parent = root(&service, body("parent")).await;
    let creates = |request: &Value| request.to_string().contains("ConditionCheck");
    let gate = service.faulty.on("TransactWriteItems").matching(creates).hold_before_store();
    let create = service.post(KEYS, &parent.token, body("child"));
    let delete = async {
        gate.arrived(1).await;
        let deleted = delete(&service, &parent.id, CASCADE).await;
        gate.release();
        deleted
    };
    let (created, deleted) = tokio::join!(create, delete);
    assert_eq!((created.failed(403), deleted.ok()), ("KEY_REVOKED".into(), json!({"descendants": []})));
    assert_eq!(names(&service).await, Vec::<String>::new());
}

#[tokio::test]
async fn child_expires_no_later_than_its_parent() {
    let service = TestService::new().await;
    let (end, later, sooner) = ("2026-09-21T14:13:26Z", "2030-01-01T00:00:00Z", "2026-09-21T14:13:25Z");
    let with_end = |end: &str| json!({"name": "k", "capabilities": ["access_token_create"], "expires_at": end});
    let parent = root(&service, with_end(end)).await;
    for (body, expected) in [
        (body("k"), "2026-09-21T14:13:26.000Z"),
        (with_end(later), "2026-09-21T14:13:26.000Z"),
        (with_end(sooner), "2026-09-21T14:13:25.000Z"),
    ] {
        let created = service.post(KEYS, &parent.token, body).await.ok();
        assert_eq!(created["expires_at"], expected);
    }
    let last = child(&service, &parent, "k").await;
    service.clock.advance_ms(6_000);
    for key in [&parent, &last] {
        assert_eq!(service.post(KEYS, &key.token, body("late")).await.failed(403), "KEY_REVOKED");
        assert_buys_nothing(&service, key).await;
    }
}

#[tokio::test]
async fn parent_is_named_in_the_list_and_the_trail() {
    let service = TestService::new().await;
    let parent = root(&service, body("a")).await;
    let child = child(&service, &parent, "b").await;
    let listed = service.get(KEYS, &parent.token).await.ok();
    assert_eq!(listed["results"][0].get("created_by_key"), None);
    assert_eq!(listed["results"][1]["created_by_key"], parent.id);
    let trail =
        async |id: &str| service.get(&format!("{KEYS}/{id}/audit"), &parent.token).await.ok()["results"].clone();
    let created = |trail: Value| {
        let entries = trail.as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["action"] == "key_created").unwrap()
    };
    assert_eq!(created(trail(&child.id).await)["created_by_key"], parent.id);
    assert_eq!(created(trail(&parent.id).await).get("created_by_key"), None);
}

#[tokio::test]
async fn deletion_lists_descendants_and_a_cascade_deletes_them() {
    let service = TestService::new().await;
    let top = root(&service, body("top")).await;
    let left = child(&service, &top, "left").await;
    let right = child(&service, &top, "right").await;
    let below = child(&service, &left, "below").await;
    let other = root(&service, body("other")).await;
    let nephew = child(&service, &other, "nephew").await;

    let deleted = delete(&service, &left.id, "").await.ok();
    assert_eq!(deleted, json!({"descendants": [below.id]}));
    assert_eq!(names(&service).await, ["below", "nephew", "other", "right", "top"]);
    // The key between them is gone, and they still belong together.
    assert_eq!(delete(&service, &top.id, CASCADE).await.ok(), json!({"descendants": []}));
    assert_eq!(names(&service).await, ["nephew", "other"]);
    for key in [&top, &left, &right, &below] {
        assert_buys_nothing(&service, key).await;
    }
    exchanged(&service, &nephew.secret).await;
    assert_eq!(delete(&service, &top.id, CASCADE).await.failed(404), "NOT_FOUND");
    assert_eq!(delete(&service, &other.id, "&cascade=false").await.ok(), json!({"descendants": [nephew.id]}));
    assert_eq!(delete(&service, &other.id, "&cascade=yes").await.failed(400), "INVALID_QUERY");
    assert_eq!(delete(&service, &other.id, "").await.failed(404), "NOT_FOUND");
    // A deletion that did not cascade can be followed by one that does.
    delete(&service, &other.id, CASCADE).await.ok();
    assert_eq!(names(&service).await, Vec::<String>::new());
}

#[tokio::test]
async fn only_the_owner_can_cascade_on_the_keys_own_vcs() {
    let service = TestService::new().await;
    let top = root(&service, body("top")).await;
    child(&service, &top, "below").await;
    let stranger = terrapi::domain::UserId::new(Random::default().id().unwrap());
    let path = format!("{KEYS}?id={}{CASCADE}", top.id);
    let theirs = service.token_of(stranger, &[AccessTokenCreate]);
    assert_eq!(service.delete(&path, &theirs).await.failed(404), "NOT_FOUND");
    let elsewhere = service.delete(&path.replace("github", "gitlab"), &service.token(&[AccessTokenCreate])).await;
    assert_eq!(elsewhere.failed(404), "NOT_FOUND");
    assert_eq!(names(&service).await, ["below", "top"]);
}

/// Stores a key with ancestors directly, since cascades need many keys.
async fn descendant(service: &TestService, parent: &ApiKeyRecord) -> ApiKeyRecord {
    let random = Random::default();
    let key = ApiKey { id: KeyId::new(random.id().unwrap()), secret: Secret::new(random.bytes().unwrap()) };
    let lineage = Lineage::of_child(parent).unwrap();
    let record = service.key_record(key.id, service.user, key.secret.hash(), &[AccessTokenCreate]);
    let record = ApiKeyRecord { lineage, ..record };
    service.app.store.create_api_key(&record, None).await.unwrap();
    record
}

#[tokio::test]
async fn cascade_deletes_more_keys_than_one_transaction_holds() {
    let service = TestService::new().await;
    let top = root(&service, body("top")).await;
    let mut last = service.app.store.find_api_key(KeyId::parse(&top.id).unwrap()).await.unwrap().unwrap();
    for number in 0..90 {
        let next = descendant(&service, &last).await;
        if number % 2 == 0 {
            last = next;
        }
    }
    let (deleted, calls) = service.faulty.ledger().during(delete(&service, &top.id, CASCADE)).await;
    deleted.ok();
    assert_eq!(names(&service).await, Vec::<String>::new());
    let transactions = calls.iter().filter(|call| call.operation == "TransactWriteItems").count();
    assert_eq!(transactions, 1 + 3, "33 keys each");
}

#[tokio::test]
async fn chain_of_a_thousand_keys_cannot_grow() {
    let service = TestService::new().await;
    let mut parent = service.key_record(service.key, service.user, [0; 32], &[AccessTokenCreate]);
    let random = Random::default();
    parent.lineage.ancestors = (0..999).map(|_| KeyId::new(random.id().unwrap())).collect();
    let last = Lineage::of_child(&parent).unwrap();
    assert_eq!(last.ancestors.len(), Lineage::MOST);
    let id = KeyId::new(random.id().unwrap());
    let record = ApiKeyRecord { lineage: last, ..service.key_record(id, service.user, [0; 32], &[AccessTokenCreate]) };
    service.app.store.create_api_key(&record, None).await.unwrap();
    let claims = terrapi::auth::Claims { key_id: id, ..service.claims(&[AccessTokenCreate]) };
    let token = service.signer.sign(&claims).unwrap();
    assert_eq!(service.post(KEYS, &token, body("next")).await.failed(400), "LINEAGE_TOO_LONG");
}

#[tokio::test]
async fn key_created_during_a_cascade_is_deleted_too() {
    let service = TestService::new().await;
    let top = root(&service, body("top")).await;
    let middle = child(&service, &top, "middle").await;
    let gate = service.faulty.on("Query").nth(1).hold_after_store();
    let create = async {
        gate.arrived(1).await;
        let late = child(&service, &middle, "late").await;
        gate.release();
        late
    };
    let (deleted, late) = tokio::join!(delete(&service, &top.id, CASCADE), create);
    deleted.ok();
    assert_eq!(names(&service).await, Vec::<String>::new());
    assert_buys_nothing(&service, &late).await;
}

#[tokio::test]
async fn cascade_killed_at_any_storage_call_is_finished_by_the_next() {
    let mut killed = 0;
    for after_store in [false, true] {
        for call in 1.. {
            let service = TestService::new().await;
            let top = root(&service, body("top")).await;
            let middle = child(&service, &top, "middle").await;
            let below = child(&service, &middle, "below").await;
            let rule = service.faulty.on("*").nth(call);
            let struck = if after_store { rule.die_after_store() } else { rule.die_before_store() };
            let reply = delete(&service, &top.id, CASCADE).await;
            let count = struck.count();
            service.faulty.heal();
            if count == 0 {
                reply.ok();
                break;
            }
            killed += 1;
            let again = delete(&service, &top.id, CASCADE).await;
            assert!(matches!(again.status.as_u16(), 200 | 404), "call {call}: {again:?}");
            assert_eq!(names(&service).await, Vec::<String>::new(), "call {call}");
            for key in [&top, &middle, &below] {
                assert_buys_nothing(&service, key).await;
                let trail =
                    service.get(&format!("{KEYS}/{}/audit", key.id), &service.token(&[AccessTokenCreate])).await.ok();
                let deletions =
                    trail["results"].as_array().unwrap().iter().filter(|entry| entry["action"] == "key_deleted");
                assert_eq!(deletions.count(), 1, "call {call}");
            }
        }
    }
    assert_eq!(killed, 2 * 6, "the key, its removal; what came of it, the rows, their removal; nothing is left");
}
