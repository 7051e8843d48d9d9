//! Single records: set, get, and their attributes.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability::{self, AccessTokenCreate, KvStoreRead, KvStoreWrite};
use terrapi::runtime::Clock;

use crate::support::TestService;
use crate::support::service::{KV, request};

fn key(name: &str) -> String {
    format!("{KV}/key/{name}")
}

#[tokio::test]
async fn versions_and_timestamps_follow_the_writes() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let first = service.put(&key("k"), &token, json!({"data": 1})).await.ok();
    service.clock.advance_ms(1500);
    let second = service.put(&key("k"), &token, json!({"value": "é"})).await.ok();
    assert!(second["version"].as_i64() > first["version"].as_i64());
    assert_eq!(second["created_at"], first["created_at"]);
    assert_eq!(first["created_at"], "2026-09-21T14:13:20.000Z");
    assert_eq!(second["updated_at"], "2026-09-21T14:13:21.500Z");
    assert_eq!(second["size"], 4, "bytes of the compact JSON text");
    let read = service.get(&key("k"), &token).await.ok();
    assert_eq!((&read["data"], &read["version"], &read["idx"]), (&json!("é"), &second["version"], &json!(0)));
}

#[tokio::test]
async fn chunks_of_a_key_are_independent_records() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for idx in [0, 7, 2_147_483_647_i64] {
        service.put(&key("k"), &token, json!({"data": idx, "idx": idx})).await.ok();
    }
    assert_eq!(service.get(&format!("{}?idx=7", key("k")), &token).await.ok()["data"], 7);
    assert_eq!(service.get(&format!("{}?idx=8", key("k")), &token).await.failed(404), "NOT_FOUND");
    let count = service.get(&format!("{KV}/count/key/k"), &token).await.ok();
    assert_eq!(count, json!({"count": 3, "max_idx": 2_147_483_647_i64}));
    assert_eq!(service.get(&format!("{KV}/size/key/k?idx=7"), &token).await.ok()["size"], 1);
    for path in ["count/key/none", "size/key/none", "size/key/k?idx=1"] {
        assert_eq!(service.get(&format!("{KV}/{path}"), &token).await.failed(404), "NOT_FOUND", "{path}");
    }
}

#[tokio::test]
async fn any_json_value_round_trips() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for (sent, size) in
        [("null", 4), ("18446744073709551616", 20), (r#"{ "b" : 1.50, "a" : [] }"#, 17), ("\"\\u0000\"", 8)]
    {
        let body = format!(r#"{{"data": {sent}}}"#);
        let mut put = request(Method::PUT, &key("k"), &token, Some(json!({})));
        *put.body_mut() = body.into();
        assert_eq!(service.send(put).await.ok()["size"], size, "{sent}");
        let read = service.get(&key("k"), &token).await;
        let compact: String = sent.chars().filter(|c| !c.is_whitespace()).collect();
        assert!(String::from_utf8_lossy(&read.bytes).contains(&format!("\"data\":{compact},")), "{sent}");
    }
}

#[tokio::test]
async fn matching_etag_is_304() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&key("k"), &token, json!({"data": 1})).await.ok();
    let etag = service.get(&key("k"), &token).await.header("etag").unwrap().to_owned();
    let mut get = request(Method::GET, &key("k"), &token, None);
    get.headers_mut().insert("if-none-match", format!("\"1\", W/{etag}").parse().unwrap());
    let unchanged = service.send(get).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.bytes.len()), (304, 0));
    service.put(&key("k"), &token, json!({"data": 2})).await.ok();
    assert_ne!(service.get(&key("k"), &token).await.header("etag").unwrap(), etag);
}

#[tokio::test]
async fn draft_changes_the_etag_only_when_published() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let live = service.put(&key("k"), &token, json!({"data": "old"})).await.ok();
    let draft = service.put(&key("k"), &token, json!({"data": "new", "committed": false})).await.ok();
    assert_eq!(service.get(&key("k"), &token).await.ok()["version"], live["version"]);
    service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    let published = service.get(&key("k"), &token).await.ok();
    assert_eq!((&published["version"], &published["committed"]), (&draft["version"], &json!(true)));
}

#[tokio::test]
async fn record_is_absent_from_its_expiry_second_on() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let brief = service.put(&key("k"), &token, json!({"data": 1, "ttl_seconds": 10})).await.ok();
    service.clock.advance_ms(9_999);
    let token = service.kv_token();
    service.get(&key("k"), &token).await.ok();
    service.clock.advance_ms(1);
    assert_eq!(service.get(&key("k"), &token).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(&format!("{KV}/iter/"), &token).await.ok()["results"], json!([]));
    let next = service.put(&format!("{KV}/cas/key/k"), &token, json!({"data": 2})).await.ok();
    assert!(next["version"].as_i64() > brief["version"].as_i64());
    assert_ne!(next["created_at"], brief["created_at"]);
    service.clock.advance_ms(3_600_000);
    assert_eq!(service.get(&key("k"), &service.kv_token()).await.ok()["data"], 2, "an overwrite without it clears it");
    for ttl in [json!(0), json!(-1), json!(31_536_001), json!("1")] {
        let body = json!({"data": 1, "ttl_seconds": ttl});
        assert_eq!(service.put(&key("k"), &service.kv_token(), body).await.failed(400), "INVALID_BODY");
    }
}

#[tokio::test]
async fn uncommitted_record_expires_after_a_week() {
    let service = TestService::new().await;
    service.put(&key("k"), &service.kv_token(), json!({"data": 1, "committed": false})).await.ok();
    service.clock.advance_ms(7 * 24 * 3_600_000 - 1);
    service.get(&format!("{}?committed=false", key("k")), &service.kv_token()).await.ok();
    service.clock.advance_ms(1);
    let token = service.kv_token();
    assert_eq!(service.get(&format!("{}?committed=false", key("k")), &token).await.failed(404), "NOT_FOUND");
    let commit = service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
    assert_eq!(commit["keys"], json!([]));
}

/// `ttl` of a record's item, seconds since the epoch.
async fn removable_at(service: &TestService, name: &str) -> i64 {
    let items = service.backend.kv_items().await;
    let is_record = |sk: &[u8]| sk.split_last_chunk::<5>().is_some_and(|(key, _)| key == name.as_bytes());
    let item = items.iter().find(|item| item["sk"].as_b().is_ok_and(|sk| is_record(sk.as_ref()))).unwrap();
    item["ttl"].as_n().unwrap().parse().unwrap()
}

/// A draft that is committed in the last second of its week must outlast a worker that is away.
#[tokio::test]
async fn committed_draft_is_kept_as_long_as_its_list() {
    const WEEK_MS: i64 = 7 * 24 * 3_600_000;
    let service = TestService::new().await;
    let owner = service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]);
    let staged = json!({"data": 1, "committed": false});
    let closed = json!({"data": 1, "committed": false, "write_caps": ["access_token_create"]});
    // The second write of each takes the way that reads the record first.
    for (name, first) in [("new", None), ("again", Some(&staged)), ("closed", Some(&closed))] {
        if let Some(first) = first {
            service.put(&key(name), &owner, first.clone()).await.ok();
        }
        service.put(&key(name), &owner, staged.clone()).await.ok();
    }
    for name in ["brief", "brief-closed"] {
        let lists = if name == "brief" { Value::Null } else { json!(["access_token_create"]) };
        let brief = json!({"data": 0, "ttl_seconds": 10, "write_caps": lists});
        service.put(&key(name), &owner, brief).await.ok();
        service.put(&key(name), &owner, staged.clone()).await.ok();
    }
    service.clock.advance_ms(WEEK_MS - 1);
    let names = ["new", "again", "closed", "brief", "brief-closed"];
    let commit = json!({"keys": names.map(|name| json!({"key": name}))});
    let owner = service.token(&[KvStoreRead, KvStoreWrite, AccessTokenCreate]);
    let commit = service.post(&format!("{KV}/commit"), &owner, commit).await.ok();
    assert_eq!(commit["keys"].as_array().unwrap().len(), names.len());
    let month = service.clock.now().seconds().plus(30 * 24 * 3_600).0;
    let items = service.backend.kv_items().await;
    let list = items.iter().find(|item| item["entity"].as_s().is_ok_and(|entity| entity == "commit-part")).unwrap();
    assert!(list["ttl"].as_n().unwrap().parse::<i64>().unwrap() >= month);
    for name in names {
        assert!(removable_at(&service, name).await >= month, "{name}");
    }
    service.fold().await;
    for name in names {
        assert!(removable_at(&service, name).await > month * 2, "{name} is kept");
    }
}

#[tokio::test]
async fn draft_beside_an_expiring_value_is_kept_for_folding() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&key("k"), &token, json!({"data": 0, "ttl_seconds": 100 * 24 * 3_600})).await.ok();
    service.put(&key("k"), &token, json!({"data": 1, "committed": false})).await.ok();
    service.clock.advance_ms(100 * DAY_MS - 1_000);
    let commit = service.post(&format!("{KV}/commit"), &service.kv_token(), json!({"keys": [{"key": "k"}]})).await.ok();
    assert_eq!(commit["keys"].as_array().unwrap().len(), 1);
    assert!(removable_at(&service, "k").await >= service.clock.now().seconds().plus(30 * 24 * 3_600).0);
}

#[tokio::test]
async fn select_returns_members_of_the_value() {
    let service = TestService::new().await;
    let token = service.kv_token();
    service.put(&key("k"), &token, json!({"data": {"a": {"b": [1, 2]}, "c-d": 3}})).await.ok();
    let select = |query: &str| format!("{}?{query}", key("k"));
    let all = service.get(&select("select=x=a.b[1],y=%22c-d%22&select=z=no"), &token).await.ok();
    assert_eq!(all["data"], json!({"x": 2, "y": 3, "z": null}));
    assert_eq!(service.get(&select("select="), &token).await.ok()["data"], json!({}));
    assert_eq!(service.get(&select("select=x="), &token).await.failed(400), "INVALID_SELECT");
}

const GUARDED: [Capability; 3] = [KvStoreRead, KvStoreWrite, AccessTokenCreate];

#[tokio::test]
async fn capability_lists_restrict_a_record() {
    let service = TestService::new().await;
    let (holder, other) = (service.token(&GUARDED), service.kv_token());
    let caps = json!(["access_token_create"]);
    let body = json!({"data": 1, "read_caps": caps, "write_caps": caps});
    let written = service.put(&key("k"), &holder, body).await.ok();
    assert_eq!((&written["read_caps"], &written["write_caps"]), (&caps, &caps));
    assert_eq!(service.get(&key("k"), &other).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(&format!("{KV}/iter/"), &other).await.ok()["results"], json!([]));
    assert_eq!(service.put(&key("k"), &other, json!({"data": 2})).await.failed(403), "RECORD_FORBIDDEN");
    let cas = json!({"data": 2, "version": 1});
    assert_eq!(service.put(&format!("{KV}/cas/key/k"), &other, cas).await.failed(403), "RECORD_FORBIDDEN");
    assert_eq!(service.delete(&key("k"), &other).await.failed(403), "RECORD_FORBIDDEN");

    let kept = service.put(&key("k"), &holder, json!({"data": 2})).await.ok();
    assert_eq!(kept["write_caps"], caps, "leaving a list out keeps it");
    let cleared = service.put(&key("k"), &holder, json!({"data": 3, "read_caps": null, "write_caps": []})).await.ok();
    assert_eq!((cleared.get("read_caps"), &cleared["write_caps"]), (None, &json!([])));
    service.put(&key("k"), &other, json!({"data": 4})).await.ok();
}

#[tokio::test]
async fn capability_lists_may_name_only_held_capabilities() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let lacking = json!({"data": 1, "write_caps": [{"name": "vcs", "vcs": "github"}]});
    let reply = service.put(&key("k"), &token, lacking).await;
    assert_eq!((reply.failed(400), &reply.json()["data"]), ("CAPABILITY_NOT_HELD".into(), &json!("vcs:github")));
    for bad in [json!("kv_store_read"), json!(["nonsense"]), json!([{"name": "vcs", "vcs": "x", "y": 1}])] {
        let body = json!({"data": 1, "read_caps": bad});
        assert_eq!(service.put(&key("k"), &token, body).await.failed(400), "INVALID_CAPABILITY");
    }
}

#[tokio::test]
async fn capability_lists_of_a_draft_apply_when_published() {
    let service = TestService::new().await;
    let (holder, other) = (service.token(&GUARDED), service.kv_token());
    service.put(&key("k"), &other, json!({"data": "old"})).await.ok();
    let draft = json!({"data": "new", "committed": false, "read_caps": ["access_token_create"]});
    service.put(&key("k"), &holder, draft).await.ok();
    assert_eq!(service.get(&key("k"), &other).await.ok()["data"], "old");
    assert_eq!(service.get(&format!("{}?committed=false", key("k")), &other).await.failed(404), "NOT_FOUND");
    service.post(&format!("{KV}/commit"), &holder, json!({"keys": [{"key": "k", "idx": 0}]})).await.ok();
    for folded in [false, true] {
        if folded {
            service.fold().await;
        }
        assert_eq!(service.get(&key("k"), &other).await.failed(404), "NOT_FOUND", "folded: {folded}");
        let read: Value = service.get(&key("k"), &holder).await.ok();
        assert_eq!((&read["data"], &read["read_caps"]), (&json!("new"), &json!(["access_token_create"])));
    }
}

#[tokio::test]
async fn staged_value_is_hidden_by_the_read_caps_of_the_live_one() {
    let service = TestService::new().await;
    let (holder, other) = (service.token(&GUARDED), service.kv_token());
    let live = json!({"data": "old", "read_caps": ["access_token_create"]});
    service.put(&key("k"), &holder, live).await.ok();
    let draft = json!({"data": "new", "committed": false, "read_caps": null});
    service.put(&key("k"), &holder, draft).await.ok();
    let latest = format!("{}?committed=false", key("k"));
    assert_eq!(service.get(&latest, &holder).await.ok()["data"], "new");
    assert_eq!(service.get(&latest, &other).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(&format!("{KV}/iter/?committed=false"), &other).await.ok()["results"], json!([]));
    for chunks in ["count", "size"] {
        let reply = service.get(&format!("{KV}/{chunks}/key/k?committed=false"), &other).await;
        assert_eq!(reply.failed(404), "NOT_FOUND");
    }
    service.post(&format!("{KV}/commit"), &holder, json!({"keys": [{"key": "k"}]})).await.ok();
    assert_eq!(
        service.get(&key("k"), &other).await.ok()["data"],
        "new",
        "its own list is in force once it is committed"
    );
}
