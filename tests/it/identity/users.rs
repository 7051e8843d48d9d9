//! How provider accounts map to users: by user id, not by login.

use futures::stream::{self, StreamExt as _};
use http::Method;
use terrapi::domain::{Administrators, UserId, Vcs};
use terrapi::http::lambda_service;
use terrapi::runtime::Settings;

use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::routes::Gateway;

const OCTOCAT: u64 = 583_231;

#[tokio::test]
async fn users_are_matched_by_provider_id_not_login() {
    let service = TestService::new().await;
    let (mut browser, mut other) = (Browser::new(&service), Browser::new(&service));
    let user = browser.user(Vcs::Github, OCTOCAT).await;
    service.github.hub(|hub| {
        hub.person(OCTOCAT, "octocat-renamed");
        hub.person(999, "octocat");
    });
    assert_eq!(browser.user(Vcs::Github, OCTOCAT).await, user);
    assert_eq!(browser.get("/api/v1/github/whoami").await.ok()["username"], "octocat-renamed");
    assert_ne!(other.user(Vcs::Github, 999).await, user);
    // The same user id at another provider is another person.
    service.gitlab.lab(|lab| lab.people.insert(OCTOCAT, "octocat".into()));
    assert_ne!(other.user(Vcs::Gitlab, OCTOCAT).await, user);
}

#[tokio::test]
async fn concurrent_first_sign_ins_create_one_user() {
    let service = TestService::new().await;
    let (mut one, mut two) = (Browser::new(&service), Browser::new(&service));
    let gate = service.faulty.on("TransactWriteItems").first(2).hold_before_store();
    let both = async { tokio::join!(one.user(Vcs::Github, OCTOCAT), two.user(Vcs::Github, OCTOCAT)) };
    let release = async {
        gate.arrived(2).await;
        gate.release();
    };
    let ((one, two), ()) = tokio::join!(both, release);
    assert_eq!(one, two);
}

/// A gateway whose configuration lists these administrators.
pub fn naming(service: &TestService, administrators: &str) -> Gateway {
    let settings = Settings {
        administrators: Administrators::parse(administrators).unwrap(),
        ..Settings::clone(&service.app.settings)
    };
    let app = terrapi::runtime::App { settings: settings.into(), ..service.app_of("identity") };
    Gateway::new([("identity".to_owned(), lambda_service(identity::routes(), app))].into())
}

#[tokio::test]
async fn sign_in_alone_grants_and_revokes_administration() {
    let service = TestService::new().await;
    let is_administrator = async |user: &str| {
        let user = UserId::parse(user).unwrap();
        service.app.store.is_administrator(user).await.unwrap()
    };
    let trail = async |user: &str| {
        let path = format!("/api/v1/admin/audit?user={user}");
        let entries = service.get(&path, &service.admin_token(&[])).await.ok()["results"].clone();
        let describe = |entry: &serde_json::Value| match &entry["subject"] {
            serde_json::Value::Null => entry["action"].as_str().unwrap().to_owned(),
            subject => {
                assert_eq!((&entry["action"], &subject["user_id"]), (&"permission_changed".into(), &user.into()));
                format!("{} {}", subject["permission"].as_str().unwrap(), subject["change"].as_str().unwrap())
            }
        };
        entries.as_array().unwrap().iter().map(describe).collect::<Vec<_>>()
    };
    let user = Browser::on(&service, naming(&service, "gitlab:583231")).user(Vcs::Github, OCTOCAT).await;
    assert!(!is_administrator(&user).await, "the id belongs to a user of another provider");
    service.clock.advance_ms(1);
    Browser::on(&service, naming(&service, "github:583231")).user(Vcs::Github, OCTOCAT).await;
    assert!(is_administrator(&user).await);
    service.clock.advance_ms(1);
    let mut browser = Browser::on(&service, naming(&service, ""));
    browser.user(Vcs::Github, OCTOCAT).await;
    assert!(!is_administrator(&user).await);
    service.clock.advance_ms(1);
    browser.send(Method::POST, "/api/v1/logout", None).await.ok();
    let mut entries = trail(&user).await;
    assert_eq!(entries.remove(0), "logout");
    entries.sort();
    assert_eq!(entries, ["administrator granted", "administrator revoked", "login", "login", "login"]);
}

/// Whether the user is an administrator, and how many audit entries say that the role was granted.
async fn role(service: &TestService, person: u64) -> (bool, usize) {
    let Some(user) = service.app.store.find_user_of_identity(Vcs::Github, person).await.unwrap() else {
        return (false, 0);
    };
    let administrator = service.app.store.is_administrator(user).await.unwrap();
    let path = format!("/api/v1/admin/audit?user={user}&action=permission_changed");
    let entries = service.get(&path, &service.admin_token(&[])).await.ok()["results"].as_array().unwrap().len();
    (administrator, entries)
}

/// Kills a sign-in that grants the administrator role right after the storage call of this number. Returns how many
/// calls were killed.
async fn killed_after(call: usize, newcomer: bool) -> usize {
    let service = TestService::new().await;
    if !newcomer {
        Browser::on(&service, naming(&service, "")).user(Vcs::Github, OCTOCAT).await;
    }
    let mut browser = Browser::on(&service, naming(&service, "github:583231"));
    let page = browser.begin(Vcs::Github, "").await;
    let back = browser.agree(&page, Vcs::Github, OCTOCAT);
    let hits = service.faulty.on("*").nth(call).die_after_store();
    browser.get(&back).await;
    service.app.background.settle().await;
    service.faulty.heal();
    let (administrator, entries) = role(&service, OCTOCAT).await;
    assert_eq!(entries, usize::from(administrator), "killed after call {call}");
    Browser::on(&service, naming(&service, "github:583231")).user(Vcs::Github, OCTOCAT).await;
    assert_eq!(role(&service, OCTOCAT).await, (true, 1), "after a sign-in killed after call {call}");
    hits.count()
}

#[tokio::test]
async fn role_and_its_audit_entry_are_written_together() {
    for newcomer in [true, false] {
        let killed: Vec<_> = stream::iter((1..=8).map(|call| killed_after(call, newcomer))).buffered(4).collect().await;
        let calls = killed.iter().filter(|hits| **hits == 1).count();
        assert!((4..8).contains(&calls), "every call of a sign-in: {killed:?}");
    }
}

#[tokio::test]
async fn role_granted_by_two_sign_ins_at_once_is_audited_once() {
    let service = TestService::new().await;
    Browser::on(&service, naming(&service, "")).user(Vcs::Github, OCTOCAT).await;
    let [mut one, mut other] = [(); 2].map(|()| Browser::on(&service, naming(&service, "github:583231")));
    let mut back = Vec::new();
    for browser in [&mut one, &mut other] {
        let page = browser.begin(Vcs::Github, "").await;
        back.push(browser.agree(&page, Vcs::Github, OCTOCAT));
    }
    // Both have read that the person is no administrator.
    let gate = service.faulty.on("TransactWriteItems").first(2).hold_before_store();
    let release = async {
        gate.arrived(2).await;
        gate.release();
    };
    let (first, second, ()) = futures::join!(one.get(&back[0]), other.get(&back[1]), release);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (303, 303));
    assert_eq!(role(&service, OCTOCAT).await, (true, 1));
}
