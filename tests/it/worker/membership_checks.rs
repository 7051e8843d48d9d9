//! Periodic checks of memberships: when one is too old, the worker asks the provider again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use terrapi::auth::SealingKeys;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, InstallationId, InstallationState, Membership, Millis,
    Namespace, Permission, PermissionChange, SecretText, UserId, Vcs,
};
use terrapi::http::ClientInfo;
use terrapi::runtime::Clock;
use terrapi::store::NewAuditEntry;
use terrapi::store::operations::InstallationSecret;
use terrapi::vcs::{AnswerLimits, ProviderConfig, Providers, real_pause};
use worker::{BatchAnswer, handle};

use crate::installations::{GITHUB, OCTOCAT, TANUKI, ids, set, signed_in};
use crate::providers::misconfigured::providers_of;
use crate::support::browser::Browser;
use crate::support::gitlab::{BOT, Group};
use crate::support::service::{KV, MemberOf};
use crate::support::stand_in::Fault;
use crate::support::{StreamPump, TestService};

const DAY_MS: i64 = 86_400_000;
const LIST: &str = "GET /user/installations";
const HERE: Namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
const GROUP: Namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(555) };

/// The result of a request with a new token of the service's user in an installation: `OK`, or the error code.
async fn answer(service: &TestService, installation: Namespace) -> String {
    let path = format!("/api/v1/{}/kv/{}/key/k", installation.vcs, installation.installation);
    let reply = service.put(&path, &service.kv_token(), json!({"data": 1})).await;
    match reply.status.as_u16() {
        200 => "OK".into(),
        _ => reply.failed(403).to_owned(),
    }
}

/// Runs the worker's schedule.
async fn tick(service: &TestService) {
    let event = serde_json::from_value(json!({"timer": "tasks"})).unwrap();
    assert_eq!(handle(&service.app, event, Millis(i64::MAX)).await.unwrap(), BatchAnswer::default());
}

/// A service whose user has signed in, with memberships older than a day, and the worker's stream position.
async fn grown_old(vcs: Vcs) -> (TestService, StreamPump) {
    let service = signed_in(vcs).await;
    service.clock.advance_ms(DAY_MS + 1);
    let pump = StreamPump::new(&service, "operations");
    (service, pump)
}

async fn membership(service: &TestService, namespace: Namespace) -> Option<Membership> {
    service.app.store.find_membership(service.user, namespace).await.unwrap()
}

/// Reads the published keys, which is due every ten minutes, so that it is not counted by the test.
async fn fetch_keys(service: &TestService) {
    service.get("/api/v1/whoami", &service.token(&[])).await.ok();
    service.faulty.ledger().take();
}

fn away() -> impl Iterator<Item = Fault> {
    std::iter::repeat_with(|| Fault::Answer(500, vec![])).take(1_000)
}

/// The audited permission changes, oldest first: (actor, installation, change).
async fn changes(service: &TestService) -> Vec<(Value, Value, Value)> {
    let trail = service.get("/api/v1/admin/audit?action=permission_changed", &service.admin_token(&[])).await.ok();
    let entries = trail["results"].as_array().unwrap().iter().rev();
    let told = |entry: &Value| {
        let subject = &entry["subject"];
        (entry["actor"].clone(), subject["installation_id"].clone(), subject["change"].clone())
    };
    entries.map(told).collect()
}

#[tokio::test]
async fn removed_user_is_refused_after_the_check() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(answer(&service, HERE).await, "OK", "the request in hand is served");
    assert_eq!(pump.run(&service).await, [BatchAnswer::default()]);
    assert_eq!(answer(&service, HERE).await, "INSTALLATION_FORBIDDEN");
    let other = Namespace { installation: InstallationId::new(67890), ..HERE };
    assert_eq!(answer(&service, other).await, "OK");
    assert!(pump.peek().is_none(), "the same list has confirmed the other membership");
    assert_eq!(changes(&service).await, [(Value::Null, json!("12345"), json!("revoked"))]);
    let calls = service.github.desk().take_seen();
    assert_eq!(calls.iter().filter(|call| *call == LIST).count(), 1, "{calls:?}");
}

#[tokio::test]
async fn row_without_checked_at_is_checked() {
    let service = signed_in(Vcs::Github).await;
    let pk = format!("user#{}", service.user);
    service.backend.remove_attribute(&pk, "member#github#12345", "checked_at").await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    let mut pump = StreamPump::new(&service, "operations");
    assert_eq!(answer(&service, HERE).await, "OK");
    pump.run(&service).await;
    assert_eq!(answer(&service, HERE).await, "INSTALLATION_FORBIDDEN");
}

#[tokio::test]
async fn confirmation_resets_the_age_of_a_membership() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    assert_eq!(answer(&service, HERE).await, "OK");
    pump.run(&service).await;
    let checked_at = membership(&service, HERE).await.unwrap().checked_at;
    assert_eq!(checked_at, Some(service.clock.now()));
    service.clock.advance_ms(DAY_MS);
    fetch_keys(&service).await;
    assert_eq!(answer(&service, HERE).await, "OK");
    let lines = service.faulty.ledger().take_lines();
    assert_eq!(lines, ["GetItem 1.0 RU", "UpdateItem 1.0 WU"], "the membership and the record");
}

#[tokio::test]
async fn due_membership_costs_one_write() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    for asked in ["PutItem 1.0 WU", "PutItem 0.0 WU ConditionalCheckFailedException"] {
        fetch_keys(&service).await;
        assert_eq!(answer(&service, HERE).await, "OK");
        let lines = service.faulty.ledger().take_lines();
        assert_eq!(lines, ["GetItem 1.0 RU", asked, "UpdateItem 1.0 WU"]);
    }
    assert_eq!(pump.run(&service).await.len(), 1, "it is asked for once");
}

#[tokio::test]
async fn concurrent_uses_start_one_check() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    let gate = service.faulty.on("PutItem").first(5).hold_before_store();
    let uses = futures::future::join_all((0..5).map(|_| answer(&service, HERE)));
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
    let (service, mut pump) = grown_old(Vcs::Github).await;
    let cookie = service.session_of(service.user).await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    let path = format!("{KV}/count/key/k");
    let ask = async || service.browse(http::Method::GET, &path, &cookie, None).await.status.as_u16();
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
    let (service, mut pump) = grown_old(Vcs::Github).await;
    let acme = service.acme().await;
    service.join(service.user, MemberOf(12345)).await;
    service.clock.advance_ms(DAY_MS);
    let grant = service.post("/api/v1/access-token/refresh", &acme.team_token, json!({})).await.ok();
    let token = grant["access_token"].as_str().unwrap();
    service.put(&format!("{KV}/key/k"), token, json!({"data": 1})).await.ok();
    assert!(pump.peek().is_none());
}

#[tokio::test]
async fn membership_is_suspended_after_three_days_without_provider() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    service.github.desk().fail(LIST, away());
    assert_eq!(answer(&service, HERE).await, "OK");
    let began = service.clock.now();
    while service.clock.now().0 < began.0 + 3 * DAY_MS - 3_600_000 {
        pump.run(&service).await;
        service.clock.advance_ms(3_600_000);
        tick(&service).await;
        assert_eq!(answer(&service, HERE).await, "OK", "nobody is locked out");
    }
    let asked = service.github.desk().take_seen().iter().filter(|call| *call == LIST).count();
    assert!((60..=90).contains(&asked), "{asked} calls in three days");
    service.clock.advance_ms(3_600_000 - 1);
    assert_eq!(answer(&service, HERE).await, "OK");
    service.clock.advance_ms(1);
    assert_eq!(answer(&service, HERE).await, "MEMBERSHIP_UNCONFIRMED");
    assert!(membership(&service, HERE).await.is_some(), "it is not removed");
    service.github.desk().clear();
    service.clock.advance_ms(6 * 3_600_000);
    tick(&service).await;
    pump.run(&service).await;
    assert_eq!(answer(&service, HERE).await, "OK", "the provider is back");
}

#[tokio::test]
async fn membership_is_suspended_without_a_worker() {
    let (service, _) = grown_old(Vcs::Github).await;
    assert_eq!(answer(&service, HERE).await, "OK");
    service.clock.advance_ms(3 * DAY_MS);
    assert_eq!(answer(&service, HERE).await, "MEMBERSHIP_UNCONFIRMED");
    let mut browser = Browser::new(&service);
    browser.user(Vcs::Github, OCTOCAT).await;
    assert_eq!(answer(&service, HERE).await, "OK", "a sign-in is a check");
    service.clock.advance_ms(DAY_MS + 1);
    assert_eq!(answer(&service, HERE).await, "OK", "the old question does not count against the new one");
}

#[tokio::test]
async fn memberships_do_not_age_without_their_provider() {
    let mut service = TestService::new().await;
    service.app.providers = Providers::default();
    let mut pump = StreamPump::new(&service, "operations");
    for _ in 0..6 {
        service.clock.advance_ms(DAY_MS + 1);
        assert_eq!(answer(&service, HERE).await, "OK");
        assert_eq!(pump.run(&service).await.len(), 1);
    }
}

#[tokio::test]
async fn unusable_provider_confirms_no_membership() {
    let sealing = || Ok(Arc::new(SealingKeys::new(&SecretText::new("s".repeat(43)), None).unwrap()));
    // A client id without the App's number and private key.
    let wrong = BTreeMap::from([("GITHUB_APP_CLIENT_ID".to_owned(), SecretText::new("Iv1.0123456789abcdef".into()))]);
    let wrong = Providers::new(ProviderConfig::read(&wrong), sealing(), AnswerLimits::default(), real_pause()).unwrap();
    for providers in [wrong, Providers::pending()] {
        let (mut service, mut pump) = grown_old(Vcs::Github).await;
        let before = membership(&service, HERE).await;
        service.app.providers = providers;
        assert_eq!(answer(&service, HERE).await, "OK");
        pump.run(&service).await;
        assert_eq!(membership(&service, HERE).await, before, "nobody has confirmed it");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, HERE).await, "MEMBERSHIP_UNCONFIRMED");
    }
}

#[tokio::test]
async fn installation_token_is_used_when_the_users_token_fails() {
    let (service, mut pump) = grown_old(Vcs::Github).await;
    // The person has taken the authorization back, and is called something else now.
    service.github.hub(|hub| {
        hub.oauth.revoke(OCTOCAT);
        hub.person(OCTOCAT, "octocat-renamed");
        hub.installation(67890).account = "octocat-renamed".into();
    });
    let own = Namespace { installation: InstallationId::new(67890), ..HERE };
    for namespace in [HERE, own] {
        assert_eq!(answer(&service, namespace).await, "OK");
        pump.run(&service).await;
        assert_eq!(membership(&service, namespace).await.unwrap().checked_at, Some(service.clock.now()), "{namespace}");
    }
    service.clock.advance_ms(DAY_MS + 1);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(answer(&service, HERE).await, "OK");
    pump.run(&service).await;
    assert_eq!(answer(&service, HERE).await, "INSTALLATION_FORBIDDEN");
    assert_eq!(changes(&service).await, [(Value::Null, json!("12345"), json!("revoked"))]);
}

#[tokio::test]
async fn inconclusive_installation_answer_removes_no_membership() {
    for change in ["uninstalled", "suspended"] {
        let (service, mut pump) = grown_old(Vcs::Github).await;
        service.github.hub(|hub| {
            hub.oauth.revoke(OCTOCAT);
            match change {
                "uninstalled" => drop(hub.installations.remove(&12345)),
                _ => hub.installation(12345).suspended = true,
            }
        });
        assert_eq!(answer(&service, HERE).await, "OK");
        pump.run(&service).await;
        assert!(membership(&service, HERE).await.is_some(), "{change}");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, HERE).await, "MEMBERSHIP_UNCONFIRMED", "{change}");
    }
}

#[tokio::test]
async fn removed_user_is_refused_on_gitlab() {
    for revoked in [false, true] {
        let service = signed_in(Vcs::Gitlab).await;
        let known = service.app.store.find_installation(HERE).await.unwrap().unwrap();
        let group = terrapi::domain::Installation { namespace: GROUP, state: InstallationState::Installed, ..known };
        service.app.store.put_installation(&group).await.unwrap();
        service.app.store.put_membership(service.user, GROUP, service.clock.now()).await.unwrap();
        service.gitlab.lab(|lab| {
            lab.groups.insert(555, Group::named("platform").with_member(TANUKI, 30).with_member(BOT, 40));
            if revoked {
                lab.oauth.revoke(TANUKI);
            }
        });
        let mut pump = StreamPump::new(&service, "operations");
        for (member, expected) in [(true, "OK"), (false, "INSTALLATION_FORBIDDEN")] {
            service.clock.advance_ms(DAY_MS + 1);
            if !member {
                service.gitlab.lab(|lab| lab.group(555).members.remove(&TANUKI));
            }
            assert_eq!(answer(&service, GROUP).await, "OK");
            pump.run(&service).await;
            assert_eq!(answer(&service, GROUP).await, expected, "revoked: {revoked}");
        }
    }
}

#[tokio::test]
async fn group_token_without_access_is_inconclusive() {
    let service = signed_in(Vcs::Gitlab).await;
    service.app.store.put_membership(service.user, GROUP, service.clock.now()).await.unwrap();
    let which = InstallationSecret::AccessToken;
    let sealed = service.app.seal_secret(&SecretText::new("glpat-other".into()), &which.binding(GROUP)).unwrap();
    let by = (service.user, service.app.clock.now());
    service.app.store.put_installation_secret(GROUP, which, &sealed, by).await.unwrap();
    service.gitlab.lab(|lab| {
        lab.oauth.revoke(TANUKI);
        lab.tokens.insert("glpat-other".into(), BOT);
        lab.groups.remove(&555);
    });
    let mut pump = StreamPump::new(&service, "operations");
    service.clock.advance_ms(DAY_MS + 1);
    assert_eq!(answer(&service, GROUP).await, "OK");
    pump.run(&service).await;
    assert!(membership(&service, GROUP).await.is_some());
}

#[tokio::test]
async fn sign_in_removes_memberships_the_provider_denies() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let user = UserId::parse(&browser.user(Vcs::Github, OCTOCAT).await).unwrap();
    browser.get(GITHUB).await.ok();
    service.clock.advance_ms(2 * 3_600_000);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    browser.user(Vcs::Github, OCTOCAT).await;
    assert_eq!(service.app.store.list_memberships(user, Vcs::Github).await.unwrap(), set([67890]));
    let own = Namespace { installation: InstallationId::new(67890), ..HERE };
    let kept = service.app.store.find_membership(user, own).await.unwrap().unwrap();
    assert_eq!(kept.checked_at, Some(service.clock.now()), "the other one is confirmed");
    let changed = changes(&service).await;
    assert_eq!(changed.last(), Some(&(json!(user.to_string()), json!("12345"), json!("revoked"))));
    assert_eq!(ids(&browser.get(GITHUB).await.ok()), ["67890"]);
}

#[tokio::test]
async fn sign_in_succeeds_when_memberships_cannot_be_checked() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let user = UserId::parse(&browser.user(Vcs::Github, OCTOCAT).await).unwrap();
    browser.get(GITHUB).await.ok();
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    service.github.desk().fail(LIST, [Fault::Answer(500, vec![])]);
    assert_eq!(browser.sign_in(Vcs::Github, OCTOCAT, "").await.status, 303);
    assert_eq!(service.app.store.list_memberships(user, Vcs::Github).await.unwrap(), set([12345, 67890]));
}

#[tokio::test]
async fn killed_check_is_repeated() {
    for call in 1.. {
        let (service, mut pump) = grown_old(Vcs::Github).await;
        service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
        assert_eq!(answer(&service, HERE).await, "OK");
        let hits = service.faulty.on("*").nth(call).die_after_store();
        pump.step(&service, Millis(i64::MAX)).await;
        service.faulty.heal();
        for _ in 0..3 {
            service.clock.advance_ms(300_000);
            tick(&service).await;
            pump.run(&service).await;
        }
        assert_eq!(answer(&service, HERE).await, "INSTALLATION_FORBIDDEN", "call {call}");
        assert_eq!(changes(&service).await.len(), 1, "call {call}");
        if hits.count() == 0 {
            assert!(call > 6, "only {} calls were killed", call - 1);
            break;
        }
    }
}

fn revoked(service: &TestService) -> NewAuditEntry {
    let change =
        PermissionChange { user: service.user, permission: Permission::Member(HERE), change: AuditChange::Revoked };
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    let entry = ClientInfo::default().audited(service.clock.now(), done, None, None);
    service.app.audit_record(AuditEntry { subject: Some(change), ..entry }).unwrap()
}

#[tokio::test]
async fn older_denial_does_not_remove_a_newer_confirmation() {
    let service = TestService::new().await;
    let seen = membership(&service, HERE).await.unwrap();
    service.clock.advance_ms(1);
    service.app.store.confirm_membership(service.user, HERE, service.clock.now()).await.unwrap();
    let store = &service.app.store;
    assert!(!store.remove_unconfirmed_membership(service.user, HERE, seen, &revoked(&service)).await.unwrap());
    let seen = membership(&service, HERE).await.unwrap();
    assert!(store.remove_unconfirmed_membership(service.user, HERE, seen, &revoked(&service)).await.unwrap());
    assert_eq!(changes(&service).await.len(), 1);
}

#[tokio::test]
async fn reported_removal_applies_immediately_and_once() {
    let service = TestService::new().await;
    let store = &service.app.store;
    assert!(store.remove_membership(service.user, HERE, &revoked(&service)).await.unwrap());
    assert_eq!(answer(&service, HERE).await, "INSTALLATION_FORBIDDEN");
    assert!(!store.remove_membership(service.user, HERE, &revoked(&service)).await.unwrap());
    store.confirm_membership(service.user, HERE, service.clock.now()).await.unwrap();
    assert!(membership(&service, HERE).await.is_none(), "a late confirmation brings nothing back");
    assert_eq!(changes(&service).await.len(), 1);
}

#[tokio::test]
async fn wake_keeps_the_pause_of_a_check_put_off_meanwhile() {
    let (service, _) = grown_old(Vcs::Github).await;
    assert_eq!(answer(&service, HERE).await, "OK");
    service.clock.advance_ms(60_001);
    let (store, now) = (&service.app.store, service.clock.now());
    let wakes = |body: &Value| body["UpdateExpression"].as_str().is_some_and(|update| update.starts_with("SET wake"));
    let gate = service.faulty.on("UpdateItem").matching(wakes).hold_before_store();
    let fresh = || service.app.random.id().unwrap();
    let put_off = async {
        gate.arrived(1).await;
        let check = store.take_membership_check(service.user, HERE, fresh(), now).await.unwrap().unwrap();
        store.put_off_membership_check(&check, Millis(now.0 + 3_600_000)).await.unwrap();
        gate.release();
    };
    let (woken, ()) = futures::join!(store.wake_membership_checks(now), put_off);
    assert_eq!(woken.unwrap(), 0);
    assert!(store.take_membership_check(service.user, HERE, fresh(), now).await.unwrap().is_none());
}

#[tokio::test]
async fn secret_that_configures_nothing_readable_confirms_nobody() {
    let lacks_client_id = json!({"TOKEN_SEALING_KEY": "s".repeat(43), "GITHUB_APP_ID": "1"}).to_string();
    let nested = json!({"TOKEN_SEALING_KEY": "s".repeat(43), "github": {"GITHUB_APP_ID": "1"}}).to_string();
    for text in ["GITHUB_APP_ID=1", "[]", "", &lacks_client_id, &nested] {
        let (mut service, mut pump) = grown_old(Vcs::Github).await;
        let before = membership(&service, HERE).await;
        service.app.providers = providers_of(&service, text).await;
        assert_eq!(answer(&service, HERE).await, "OK", "{text}");
        pump.run(&service).await;
        assert_eq!(membership(&service, HERE).await, before, "nobody has confirmed it: {text}");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, HERE).await, "MEMBERSHIP_UNCONFIRMED", "{text}");
    }
}
