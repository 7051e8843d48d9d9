//! Listings: order, bounds, pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use terrapi::domain::Capability;

use crate::support::TestService;
use crate::support::service::{KV, send_to};

/// Keys that a wrong sort order, prefix match or encoding would confuse.
const KEYS: [&str; 9] = ["a", "a/b", "ab", "a b", "b", "B", "ä", "a%25", "日本"];

fn encoded(key: &str) -> String {
    percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn filled(service: &TestService, token: &str) -> Vec<(String, i64)> {
    let mut records = Vec::new();
    for key in KEYS {
        for idx in [0, 1, 256] {
            let body = json!({"data": idx, "idx": idx});
            service.put(&format!("{KV}/key/{}", encoded(key)), token, body).await.ok();
            records.push((key.to_owned(), idx));
        }
    }
    records.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()).then(a.1.cmp(&b.1)));
    records
}

/// Follows the `next` links to the end.
async fn all(service: &TestService, token: &str, first: String) -> Vec<(String, i64)> {
    let (mut path, mut found) = (first, Vec::new());
    loop {
        let reply = service.get(&path, token).await;
        for record in reply.ok()["results"].as_array().unwrap() {
            found.push((record["key"].as_str().unwrap().to_owned(), record["idx"].as_i64().unwrap()));
        }
        match reply.next() {
            Some(next) => path = next,
            None => return found,
        }
    }
}

fn expected(
    records: &[(String, i64)],
    key: &str,
    idx: Option<i64>,
    inclusive: bool,
    prefix: bool,
) -> Vec<(String, i64)> {
    let start = |record: &&(String, i64)| {
        let order = record.0.as_bytes().cmp(key.as_bytes());
        match (inclusive, idx) {
            _ if key.is_empty() => true,
            (true, idx) => order.is_gt() || order.is_eq() && record.1 >= idx.unwrap_or(0),
            (false, Some(idx)) => order.is_gt() || order.is_eq() && record.1 > idx,
            (false, None) => order.is_gt(),
        }
    };
    records.iter().filter(start).filter(|record| !prefix || record.0.starts_with(key)).cloned().collect()
}

#[test]
fn every_combination_of_bounds_matches_a_sorted_list() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (service, token, records) = runtime.block_on(async {
        let service = TestService::new().await;
        let token = service.kv_token();
        let records = filled(&service, &token).await;
        (service, token, records)
    });
    let key = prop_oneof![Just(""), Just("a"), Just("a/"), Just("a/b"), Just("b"), Just("zz"), Just("ä"), Just("a%")];
    let idx = prop_oneof![Just(None), (0_i64..3).prop_map(Some), Just(Some(256))];
    let inputs = (key, idx, any::<bool>(), any::<bool>(), 1_usize..8);
    let mut runner = TestRunner::new(Config { cases: 150, failure_persistence: None, ..Config::default() });
    runner
        .run(&inputs, |(key, idx, inclusive, prefix, limit)| {
            let idx_query = idx.map(|idx| format!("&idx={idx}")).unwrap_or_default();
            let query = format!("inclusive={inclusive}&prefix={prefix}&limit={limit}{idx_query}");
            let path = format!("{KV}/iter/{}?{query}", encoded(key));
            let found = runtime.block_on(all(&service, &token, path));
            prop_assert_eq!(found, expected(&records, key, idx, inclusive, prefix));
            Ok(())
        })
        .unwrap();
    runtime.block_on(async { drop(service) });
}

#[tokio::test]
async fn filtered_pages_may_be_short_but_the_listing_is_complete() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for number in 0..40 {
        let body = json!({"data": {"n": number}, "committed": number % 4 == 0});
        service.put(&format!("{KV}/key/p/{number:02}"), &token, body).await.ok();
    }
    let path = format!("{KV}/iter/p/?prefix=true&limit=3&select=x=n");
    assert_eq!(all(&service, &token, path.clone()).await.len(), 10);
    let second = service.get(&service.get(&path, &token).await.next().unwrap(), &token).await.ok();
    assert_eq!(second["results"][0]["data"], json!({"x": 12}), "the cursor keeps prefix, select and visibility");
    let all_of_them = format!("{KV}/iter/p/?prefix=true&committed=false&limit=7");
    assert_eq!(all(&service, &token, all_of_them).await.len(), 40);
}

#[tokio::test]
async fn read_limit_ends_a_page_and_the_link_continues() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for number in 0..30 {
        let body = json!({"data": 1, "committed": number == 29});
        service.put(&format!("{KV}/key/{number:02}"), &token, body).await.ok();
    }
    let reply = service.get(&format!("{KV}/iter/?limit=1"), &token).await;
    assert_eq!((reply.ok()["results"].as_array().unwrap().len(), reply.next().is_some()), (0, true));
    assert_eq!(all(&service, &token, format!("{KV}/iter/?limit=1")).await, [("29".to_owned(), 0)]);
}

#[tokio::test]
async fn links_name_the_origin_the_client_called() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["a", "b"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": 1})).await.ok();
    }
    let mut get = crate::support::service::request(http::Method::GET, &format!("{KV}/iter/?limit=1"), &token, None);
    get.headers_mut().insert("x-forwarded-host", "public.example.test".parse().unwrap());
    get.headers_mut().insert("x-forwarded-proto", "https".parse().unwrap());
    let link = service.send(get).await.header("link").unwrap().to_owned();
    assert!(link.starts_with(&format!("<https://public.example.test{KV}/iter/?cursor=")), "{link}");
}

/// Stores 30 records with keys of this length after `a`, and returns a token that can read them; `kv_token` cannot.
async fn hide_records(service: &TestService, length: usize) {
    let holder = service.token(&[Capability::KvStoreRead, Capability::KvStoreWrite, Capability::AccessTokenCreate]);
    service.put(&format!("{KV}/key/a"), &holder, json!({"data": 1})).await.ok();
    for number in 0..30 {
        let body = json!({"data": 1, "read_caps": ["access_token_create"]});
        let key = format!("hidden-{number:02}-{}", "k".repeat(length - 10));
        service.put(&format!("{KV}/key/{key}"), &holder, body).await.ok();
    }
}

#[tokio::test]
async fn cursor_reveals_nothing_about_a_hidden_record() {
    let mut lengths = Vec::new();
    for length in [12, 1_000] {
        let service = TestService::new().await;
        let token = service.kv_token();
        hide_records(&service, length).await;
        let page = service.get(&format!("{KV}/iter/?limit=1"), &token).await.ok();
        let cursor = page["next_cursor"].as_str().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"hidden"), "{cursor}");
        lengths.push(cursor.len());
        assert_eq!(all(&service, &token, format!("{KV}/iter/?limit=1")).await, [("a".to_owned(), 0)]);
    }
    assert_eq!(lengths[0], lengths[1], "nor does its length reveal the length of the key");
}

#[tokio::test]
async fn cursor_of_another_listing_is_rejected() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["a/1", "a/2", "a/3", "b/1"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": {"x": 1}})).await.ok();
    }
    let first = "prefix=true&committed=true&include_data=true&select=p=x&limit=1";
    let page = service.get(&format!("{KV}/iter/a?{first}"), &token).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    for same in ["", first, "prefix=true", "limit=2"] {
        let page = service.get(&format!("{KV}/iter/a?{same}&cursor={cursor}"), &token).await.ok();
        assert_eq!((&page["results"][0]["key"], &page["results"][0]["data"]), (&json!("a/2"), &json!({"p": 1})));
    }
    for other in [
        "github/kv/12345/iter/b?",
        "github/kv/12345/iter/a/?",
        "github/kv/12345/iter/?",
        "github/kv/67890/iter/a?",
        "github/kv/12345/iter/a?prefix=false&",
        "github/kv/12345/iter/a?committed=false&",
        "github/kv/12345/iter/a?include_data=false&",
        "github/kv/12345/iter/a?select=p=y&",
        "github/kv/12345/iter/a?select=&",
        "github/kv/12345/iter/a?idx=0&",
        "github/kv/12345/iter/a?inclusive=false&",
    ] {
        let reply = service.get(&format!("/api/v1/{other}cursor={cursor}"), &token).await;
        assert_eq!(reply.failed(400), "INVALID_CURSOR", "{other}");
    }
}

#[tokio::test]
async fn two_sandboxes_agree_on_the_first_cursor_key() {
    let service = TestService::new().await;
    let token = service.kv_token();
    for key in ["a", "b", "c"] {
        service.put(&format!("{KV}/key/{key}"), &token, json!({"data": 1})).await.ok();
    }
    let other = service.sandbox();
    let ask = |path: String| crate::support::service::request(http::Method::GET, &path, &token, None);
    let first = format!("{KV}/iter/?limit=1");
    // Both requests have found no seed before either stores one.
    let gate = service.faulty.on("PutItem").table(&service.backend.tables.kv).first(2).hold_before_store();
    let release = async {
        gate.arrived(2).await;
        gate.release();
    };
    let (one, two, ()) = futures::join!(service.send(ask(first.clone())), send_to(&other, ask(first)), release);
    let (one, two) = (one.next().unwrap(), two.next().unwrap());
    assert_eq!(send_to(&other, ask(one)).await.ok()["results"][0]["key"], "b");
    assert_eq!(service.send(ask(two)).await.ok()["results"][0]["key"], "b");
}
