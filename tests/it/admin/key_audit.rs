//! The audit trail of a key.

use http::Method;
use serde_json::{Value, json};
use terrapi::auth::{ApiKey, KeyEnvironment, Secret};
use terrapi::domain::Capability::AccessTokenCreate;

use crate::support::TestService;

const KEYS: &str = "/api/v1/github/access-token";
const REFRESH: &str = "/api/v1/access-token/refresh";

#[tokio::test]
async fn each_key_event_is_one_audit_entry_newest_first() {
    let service = TestService::new().await;
    let admin = service.token(&[AccessTokenCreate]);
    let created = service.post(KEYS, &admin, json!({"name": "k", "capabilities": []})).await.ok();
    let (key, id) = (created["refresh_token"].as_str().unwrap(), created["id"].as_str().unwrap());
    service.clock.advance_ms(10);
    service.call(Method::POST, REFRESH, key, None).await.ok();
    service.clock.advance_ms(10);
    let forged =
        ApiKey { id: ApiKey::parse(key).unwrap().id, secret: Secret::new([7; 32]) }.reveal(KeyEnvironment::Test);
    assert_eq!(service.call(Method::POST, REFRESH, &forged, None).await.failed(403), "INVALID_TOKEN");
    service.app.background.settle().await;
    service.clock.advance_ms(10);
    service.delete(&format!("{KEYS}?id={id}"), &admin).await.ok();

    let (mut path, mut trail) = (format!("{KEYS}/{id}/audit?limit=3"), Vec::<Value>::new());
    loop {
        let reply = service.get(&path, &admin).await;
        trail.extend(reply.ok()["results"].as_array().unwrap().iter().cloned());
        match reply.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    let told: Vec<(&str, &str)> =
        trail.iter().map(|entry| (entry["action"].as_str().unwrap(), entry["outcome"].as_str().unwrap())).collect();
    let expected = [
        ("key_deleted", "success"),
        ("key_refreshed", "refused"),
        ("key_refreshed", "success"),
        ("key_created", "success"),
    ];
    assert_eq!(told, expected);
    assert_eq!(trail[0]["key_id"], id);
    assert_eq!((&trail[0]["source_ip"], &trail[0]["user_agent"]), (&json!("192.0.2.1"), &json!("test")));
    assert!(!trail.iter().any(|entry| entry.to_string().contains(key)));
}

#[tokio::test]
async fn user_agents_are_truncated_at_256_bytes() {
    let service = TestService::new().await;
    for (sent, kept) in [
        ("a".repeat(256), "a".repeat(256)),
        ("a".repeat(257), "a".repeat(256)),
        (format!("a{}", "é".repeat(3_500)), format!("a{}", "é".repeat(127))),
        (format!("ab{}", "\u{1f980}".repeat(1_750)), format!("ab{}", "\u{1f980}".repeat(63))),
    ] {
        assert!(kept.len() <= 256 && kept.len() > 252);
        let client = terrapi::http::ClientInfo { source_ip: None, user_agent: Some(sent) };
        // A key's creation, and a browser that nobody knows comes back from no sign-in.
        let token = service.token(&[AccessTokenCreate]);
        let body = json!({"name": "k", "capabilities": []});
        let mut create = crate::support::service::request(Method::POST, KEYS, &token, Some(body));
        create.extensions_mut().insert(client.clone());
        let created = service.send(create).await.ok();
        let back = "/api/github/v1/callback?code=c&state=s";
        let mut anonymous = crate::support::service::request(Method::GET, back, "", None);
        anonymous.extensions_mut().insert(client);
        assert_eq!(service.send(anonymous).await.failed(403), "INVALID_STATE");
        service.app.background.settle().await;
        let trail = format!("{KEYS}/{}/audit", created["id"].as_str().unwrap());
        assert_eq!(service.get(&trail, &token).await.ok()["results"][0]["user_agent"], kept);
        let refused = "/api/v1/admin/audit?action=login&outcome=refused&limit=1";
        let newest = service.get(refused, &service.admin_token(&[])).await.ok();
        assert_eq!(newest["results"][0]["user_agent"], kept);
        service.clock.advance_ms(1_000);
    }
}

#[tokio::test]
async fn audit_entries_expire_after_ninety_days() {
    let service = TestService::new().await;
    let created =
        service.post(KEYS, &service.token(&[AccessTokenCreate]), json!({"name": "k", "capabilities": []})).await.ok();
    let path = format!("{KEYS}/{}/audit", created["id"].as_str().unwrap());
    service.clock.advance_ms(90 * 24 * 3_600_000 - 1_000);
    service.get(&path, &service.token(&[AccessTokenCreate])).await.ok();
    service.clock.advance_ms(1_000);
    assert_eq!(service.get(&path, &service.token(&[AccessTokenCreate])).await.failed(404), "NOT_FOUND");
}
