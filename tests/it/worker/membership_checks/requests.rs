//! Which requests start a check, and its cost.

use http::Method;
use serde_json::json;
use terrapi::domain::Vcs;
use terrapi::runtime::Clock;

use super::{DAY_MS, LIST, answer, membership, service_with_old_memberships};
use crate::installations::INSTALLATION;
use crate::support::provider_user::{OCTOCAT, signed_in};
use crate::support::service::{KV, MemberOf};
use crate::support::{StreamPump, TestService};

/// Reads the published keys, which is due every ten minutes, so that it is not counted by the test.
async fn fetch_keys(service: &TestService) {
    service.get("/api/v1/whoami", &service.token(&[])).await.ok();
    service.faulty.ledger().take();
}

#[tokio::test]
async fn row_without_checked_at_is_checked() {
    let service = signed_in(Vcs::Github).await;
    let pk = format!("user#{}", service.user);
    service.backend.remove_attribute(&pk, "member#github#12345", "checked_at").await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    let mut pump = StreamPump::new(&service, "operations");
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    pump.run(&service).await;
    assert_eq!(answer(&service, INSTALLATION).await, "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn confirmation_resets_the_age_of_a_membership() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    pump.run(&service).await;
    let checked_at = membership(&service, INSTALLATION).await.unwrap().checked_at;
    assert_eq!(checked_at, Some(service.clock.now()));
    service.clock.advance_ms(DAY_MS);
    fetch_keys(&service).await;
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    let lines = service.faulty.ledger().take_lines();
    assert_eq!(lines, ["GetItem 1.0 RU", "UpdateItem 1.0 WU"], "the membership and the record");
}

#[tokio::test]
async fn due_membership_costs_one_write() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    for asked in ["PutItem 1.0 WU", "PutItem 0.0 WU ConditionalCheckFailedException"] {
        fetch_keys(&service).await;
        assert_eq!(answer(&service, INSTALLATION).await, "OK");
        let lines = service.faulty.ledger().take_lines();
        assert_eq!(lines, ["GetItem 1.0 RU", asked, "UpdateItem 1.0 WU"]);
    }
    assert_eq!(pump.run(&service).await.len(), 1, "one check was started");
}

#[tokio::test]
async fn concurrent_uses_start_one_check() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    let gate = service.faulty.on("PutItem").first(5).hold_before_store();
    let uses = futures::future::join_all((0..5).map(|_| answer(&service, INSTALLATION)));
    let release = async {
        gate.arrived(5).await;
        gate.release();
    };
    let (answers, ()) = tokio::join!(uses, release);
    assert_eq!(answers, ["OK"; 5]);
    assert_eq!(pump.run(&service).await.len(), 1);
    assert_eq!(service.github.desk().take_seen().iter().filter(|call| *call == LIST).count(), 1);
}

#[tokio::test]
async fn session_use_checks_the_membership() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    let cookie = service.session_of(service.user).await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    let path = format!("{KV}/count/key/k");
    let ask = async || service.browse(Method::GET, &path, &cookie, None).await.status.as_u16();
    assert_eq!(ask().await, 404, "served: there is no such record");
    pump.run(&service).await;
    assert_eq!(ask().await, 403);
}

#[tokio::test]
async fn use_of_a_team_token_checks_its_owner() {
    let service = signed_in(Vcs::Github).await;
    let acme = service.acme().await;
    let mut pump = StreamPump::new(&service, "operations");
    let status = async || service.get("/api/v2/account/details", &acme.team_token).await.status.as_u16();
    service.clock.advance_ms(DAY_MS + 1);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(status().await, 200);
    pump.run(&service).await;
    assert_eq!(status().await, 401);
}

#[tokio::test]
async fn service_user_of_a_team_is_never_checked() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    let acme = service.acme().await;
    service.join(service.user, MemberOf(12345)).await;
    service.clock.advance_ms(DAY_MS);
    let grant = service.post("/api/v1/access-token/refresh", &acme.team_token, json!({})).await.ok();
    let token = grant["access_token"].as_str().unwrap();
    service.put(&format!("{KV}/key/k"), token, json!({"data": 1})).await.ok();
    assert!(pump.peek().is_none());
}
