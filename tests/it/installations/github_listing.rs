//! Memberships on GitHub, where the App's installations are known from their first listing on.

use serde_json::json;
use terrapi::domain::{Capability, InstallationId, InstallationState, Vcs};
use terrapi::runtime::Clock;

use super::{GITHUB, installation_ids, listed_ids};
use crate::support::TestService;
use crate::support::github::Installation;
use crate::support::provider_user::{OCTOCAT, signed_in, store_identity};
use crate::support::stand_in::Fault;

fn kv(installation: u64) -> String {
    format!("/api/v1/github/kv/{installation}/key/k")
}

/// The status of a request in an installation, with a new token exchanged for `key`.
async fn in_installation(service: &TestService, key: &str, installation: u64) -> u16 {
    let answer = service.call(http::Method::POST, "/api/v1/access-token/refresh", key, None).await.ok();
    let reply = service.put(&kv(installation), answer["token"].as_str().unwrap(), json!({"data": 1})).await;
    reply.status.as_u16()
}

#[tokio::test]
async fn removed_user_loses_only_that_installation() {
    let service = signed_in(Vcs::Github).await;
    let key = service.api_key(&[Capability::KvStoreWrite]).await;
    let token = service.token(&[]);
    assert_eq!(listed_ids(&service.get(GITHUB, &token).await.ok()), ["12345", "67890"]);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(in_installation(&service, &key, 12345).await, 200, "not checked yet");
    assert_eq!(listed_ids(&service.get(GITHUB, &token).await.ok()), ["67890"]);
    assert_eq!(in_installation(&service, &key, 12345).await, 403);
    assert_eq!(in_installation(&service, &key, 67890).await, 200);
    service.github.hub(|hub| hub.installation(12345).members.insert(OCTOCAT));
    service.get(GITHUB, &token).await.ok();
    assert_eq!(in_installation(&service, &key, 12345).await, 200);
}

#[tokio::test]
async fn losing_all_github_installations_keeps_gitlab() {
    let service = signed_in(Vcs::Github).await;
    let group = terrapi::domain::Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(12345) };
    service.app.store.put_membership(service.user, group, service.clock.now()).await.unwrap();
    service.github.hub(|hub| hub.installations.clear());
    assert_eq!(service.get(GITHUB, &service.token(&[])).await.ok(), json!({"installations": []}));
    assert_eq!(service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap(), installation_ids([]));
    assert!(service.app.store.find_membership(service.user, group).await.unwrap().is_some());
}

#[tokio::test]
async fn installation_is_listed_with_its_state() {
    let service = signed_in(Vcs::Github).await;
    service.install(67890, InstallationState::Suspended).await;
    service.github.hub(|hub| {
        hub.installations.insert(7, Installation::of("fresh", "Organization").with_member(OCTOCAT));
    });
    let listing = service.get(GITHUB, &service.token(&[])).await.ok();
    let created_at = "2026-09-21T14:13:20.000Z";
    let fresh = json!({
        "id": "7", "name": "fresh", "account_status": "active", "created_at": created_at,
        "tier": {"name": "Unknown", "features": {}},
    });
    let suspended = json!({
        "id": "67890", "name": "octocat", "account_status": "disabled", "created_at": created_at,
        "tier": {"name": "test", "features": {}},
    });
    assert_eq!(listing["installations"][0], fresh);
    assert_eq!(listing["installations"][2], suspended);
    let token = service.kv_token();
    assert_eq!(service.put(&kv(7), &token, json!({"data": 1})).await.status, 200);
    assert_eq!(service.get(&kv(67890), &token).await.status, 404, "and it can still be read");
}

#[tokio::test]
async fn limited_token_lists_its_scope_and_removes_nothing() {
    let service = signed_in(Vcs::Github).await;
    let limited = service.token(&[Capability::InstallationId("67890".into())]);
    assert_eq!(listed_ids(&service.get(GITHUB, &limited).await.ok()), ["67890"]);
    assert_eq!(
        service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap(),
        installation_ids([12345, 67890])
    );
    let elsewhere = service.token(&[Capability::Vcs("gitlab".into())]);
    assert_eq!(service.get(GITHUB, &elsewhere).await.failed(403), "INSUFFICIENT_SCOPE");
}

#[tokio::test]
async fn listing_is_404_before_sign_in_and_403_when_rejected() {
    let service = TestService::new().await;
    let token = service.token(&[]);
    assert_eq!(service.get(GITHUB, &token).await.failed(404), "NOT_FOUND");
    store_identity(&service, Vcs::Github, &service.github.tokens(OCTOCAT)).await;
    service.github.hub(|hub| hub.oauth.revoke(OCTOCAT));
    assert_eq!(service.get(GITHUB, &token).await.failed(403), "PROVIDER_REJECTED");
    service.clock.advance_ms(9 * 3_600_000);
    assert_eq!(service.get(GITHUB, &service.token(&[])).await.failed(403), "PROVIDER_REJECTED");
    assert_eq!(
        service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap(),
        installation_ids([12345, 67890])
    );
}

#[tokio::test]
async fn unavailable_provider_changes_nothing() {
    let service = signed_in(Vcs::Github).await;
    service.github.hub(|hub| {
        for id in 1..=150 {
            let installation = Installation::of(&format!("org-{id}"), "Organization").with_member(OCTOCAT);
            hub.installations.insert(id, installation);
        }
        hub.installation(12345).members.clear();
    });
    // The provider delivers no page.
    service.github.desk().fail("GET /user/installations", [Fault::Answer(500, vec![])]);
    assert_eq!(service.get(GITHUB, &service.token(&[])).await.failed(503), "UNAVAILABLE");
    assert_eq!(
        service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap(),
        installation_ids([12345, 67890])
    );
}

#[tokio::test]
async fn expired_provider_token_is_renewed_during_the_listing() {
    let service = signed_in(Vcs::Github).await;
    service.clock.advance_ms(9 * 3_600_000);
    assert_eq!(listed_ids(&service.get(GITHUB, &service.token(&[])).await.ok()), ["12345", "67890"]);
    assert_eq!(service.github.desk().take_seen(), ["POST /login/oauth/access_token", "GET /user/installations"]);
}

#[tokio::test]
async fn membership_changes_are_audited_and_reads_are_not() {
    let service = signed_in(Vcs::Github).await;
    let token = service.token(&[]);
    let changes = async || {
        let trail = service.get("/api/v1/admin/audit?action=permission_changed", &service.admin_token(&[])).await.ok();
        trail["results"].as_array().unwrap().iter().map(|entry| entry["subject"].clone()).collect::<Vec<_>>()
    };
    service.get(GITHUB, &token).await.ok();
    assert_eq!(changes().await, Vec::<serde_json::Value>::new());
    let subject = |id: &str, change: &str| {
        json!({"user_id": service.user.to_string(), "permission": "member", "change": change, "vcs": "github",
            "installation_id": id})
    };
    service.github.hub(|hub| hub.installation(12345).members.clear());
    service.get(GITHUB, &token).await.ok();
    assert_eq!(changes().await, [subject("12345", "revoked")]);
    service.clock.advance_ms(1);
    service.github.hub(|hub| {
        hub.installations.insert(7, Installation::of("fresh", "Organization").with_member(OCTOCAT));
    });
    service.get(GITHUB, &token).await.ok();
    assert_eq!(changes().await, [subject("7", "granted"), subject("12345", "revoked")]);
}
