//! Cursors that were damaged, moved or made up.

use serde_json::json;
use terrapi::http::seal_cursor;
use terrapi::runtime::Random;

use super::ALL;
use crate::support::service::KV;
use crate::support::{MemberOf, TestService};

const KEYS: &str = "/api/v1/github/access-token";

/// A service with more than a page of everything, and the first cursor of each listing with the URL that takes it.
async fn service_with_cursors(token: &str, service: &TestService) -> Vec<(String, &'static str, String)> {
    for number in 0..3 {
        let body = json!({"name": format!("key {number}"), "capabilities": []});
        service.post(KEYS, token, body).await.ok();
        service.put(&format!("{KV}/key/{number}"), token, json!({"data": number})).await.ok();
    }
    let page = service.get(&format!("{KEYS}?limit=1"), token).await;
    let id = page.ok()["results"][0]["id"].as_str().unwrap().to_owned();
    let audit = format!("{KEYS}/{id}/audit");
    let key = service.api_key(&[]).await;
    for _ in 0..3 {
        service.call(http::Method::POST, "/api/v1/access-token/refresh", &key, None).await.ok();
    }
    service.app.background.settle().await;
    let mut listings = vec![(KEYS.to_owned(), "page", String::new()), (format!("{KV}/iter/"), "cursor", String::new())];
    for (url, name, cursor) in &mut listings {
        let next = service.get(&format!("{url}?limit=1"), token).await.next().unwrap();
        let (_, rest) = next.split_once(&format!("{name}=")).unwrap();
        rest.split('&').next().unwrap().clone_into(cursor);
    }
    let cursor = service.cursor(&format!("audit#{id}"), &json!("999999999999999#ffffffffffffffff")).await;
    listings.push((audit, "page", cursor));
    listings
}

#[tokio::test]
async fn damaged_cursor_is_rejected() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    for (url, name, cursor) in service_with_cursors(&token, &service).await {
        service.get(&format!("{url}?{name}={cursor}"), &token).await.ok();
        for at in (0..cursor.len()).step_by(1 + cursor.len() / 200) {
            let mut damaged = cursor.clone().into_bytes();
            damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(damaged).unwrap();
            let reply = service.get(&format!("{url}?{name}={damaged}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_CURSOR", "{url} digit {at}");
        }
        let odd = [
            "",
            "x",
            "AAAA",
            "AAAAAAAA",
            &cursor[1..],
            &cursor[..cursor.len() - 1],
            &format!("{cursor}A"),
            &format!("{cursor}="),
            &"A".repeat(60_000),
            "..",
            "%00",
            "null",
            "MQ==",
        ];
        for odd in odd {
            let reply = service.get(&format!("{url}?{name}={odd}"), &token).await;
            assert_eq!(reply.failed(400), "INVALID_CURSOR", "{url} {odd:.40}");
        }
    }
}

#[tokio::test]
async fn cursor_of_another_listing_is_rejected_everywhere() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let listings = service_with_cursors(&token, &service).await;
    let others = ["/api/v1/gitlab/access-token", "/api/v1/github/kv/67890/iter/"];
    for (own, _, cursor) in &listings {
        let urls = listings.iter().map(|(url, name, _)| (url.as_str(), *name));
        for (url, name) in urls.chain(others.map(|url| (url, if url.ends_with('/') { "cursor" } else { "page" }))) {
            let reply = service.get(&format!("{url}?{name}={cursor}"), &token).await;
            if url == own {
                reply.ok();
            } else {
                assert_eq!(reply.failed(400), "INVALID_CURSOR", "{own} at {url}");
            }
        }
    }
    // Nor does it open another person's listing.
    let stranger = terrapi::domain::UserId::new(Random::default().id().unwrap());
    service.join(stranger, MemberOf(12345)).await;
    let reply = service.get(&format!("{KEYS}?page={}", listings[0].2), &service.token_of(stranger, &ALL)).await;
    assert_eq!(reply.failed(400), "INVALID_CURSOR");
}

#[tokio::test]
async fn cursor_of_another_deployment_is_rejected() {
    let (service, mut other) = (TestService::new().await, TestService::new().await);
    let token = service.admin_token(&ALL);
    service_with_cursors(&token, &service).await;
    other.user = service.user;
    let cursor = other.cursor("keys#github", &json!("key#github#")).await;
    assert_eq!(service.get(&format!("{KEYS}?page={cursor}"), &token).await.failed(400), "INVALID_CURSOR");
}

/// A listing for administrators, and the first cursor of a page with one entry.
async fn cursor_of(service: &TestService, listing: &str, token: &str) -> String {
    let next = service.get(&format!("{listing}limit=1"), token).await.next().unwrap();
    next.split_once("page=").unwrap().1.split('&').next().unwrap().to_owned()
}

#[tokio::test]
async fn cursor_of_another_administrator_is_rejected() {
    let service = TestService::new().await;
    let other = terrapi::domain::UserId::new(Random::default().id().unwrap());
    service.app.store.set_administrator(other, true).await.unwrap();
    service.join(other, MemberOf(12345)).await;
    for number in 0..2 {
        let body = json!({"name": format!("key {number}"), "capabilities": []});
        service.post(KEYS, &service.token(&ALL), body).await.ok();
    }
    let (mine, theirs) = (service.admin_token(&[]), service.admin_token_of(other, &[]));
    for listing in ["/api/v1/admin/audit?", "/api/v1/admin/users?installation_id=12345&"] {
        let cursor = cursor_of(&service, listing, &mine).await;
        service.get(&format!("{listing}page={cursor}"), &mine).await.ok();
        let refused = service.get(&format!("{listing}page={cursor}"), &theirs).await;
        assert_eq!(refused.failed(400), "INVALID_CURSOR", "{listing}");
    }
}

/// Positions that no listing has given, in cursors that it accepts.
#[tokio::test]
async fn odd_position_in_a_cursor_is_never_a_server_error() {
    let service = TestService::new().await;
    let token = service.admin_token(&ALL);
    let listings = service_with_cursors(&token, &service).await;
    let long = "k".repeat(3_000);
    let positions = [
        json!(""),
        json!("a"),
        json!("zzz"),
        json!("key#"),
        json!("key#gitlab#"),
        json!("key#github#"),
        json!("key#github$"),
        json!("member#github#12345"),
        json!("\u{0}"),
        json!("\u{ffff}"),
        json!(long),
        json!(format!("key#github#{long}")),
        json!(1),
        json!(null),
        json!([]),
        json!({}),
    ];
    let (audit, _, _) = &listings[2];
    let id = audit.split('/').nth(5).unwrap();
    for (url, name, listing) in [
        (KEYS, "page", "keys#github".to_owned()),
        (audit.as_str(), "page", format!("audit#{id}")),
        (&format!("{KV}/iter/"), "cursor", "kv#github#12345#iter#".to_owned()),
    ] {
        for position in &positions {
            let cursor = match name {
                "page" => service.cursor(&listing, position).await,
                _ => seal_cursor(&service.app, &listing, position.to_string().as_bytes()).await.unwrap(),
            };
            let reply = service.get(&format!("{url}?{name}={cursor}"), &token).await;
            assert!(reply.status.as_u16() < 500, "{url} {position:.60}: {reply:?}");
            assert!(name != "cursor" || reply.status == 400, "{position:.60}: {reply:?}");
        }
    }
}
