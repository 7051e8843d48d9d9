//! A sign-in is a check of the user's memberships.

use serde_json::json;
use terrapi::domain::{InstallationId, Namespace, UserId, Vcs};
use terrapi::runtime::Clock;

use crate::installations::{GITHUB, INSTALLATION, installation_ids, listed_ids};
use crate::support::TestService;
use crate::support::browser::Browser;
use crate::support::provider_user::{OCTOCAT, permission_changes};
use crate::support::stand_in::Fault;

#[tokio::test]
async fn sign_in_removes_memberships_the_provider_denies() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let user = UserId::parse(&browser.user(Vcs::Github, OCTOCAT).await).unwrap();
    browser.get(GITHUB).await.ok();
    service.clock.advance_ms(2 * 3_600_000);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    browser.user(Vcs::Github, OCTOCAT).await;
    assert_eq!(service.app.store.list_memberships(user, Vcs::Github).await.unwrap(), installation_ids([67890]));
    let own = Namespace { installation: InstallationId::new(67890), ..INSTALLATION };
    let kept = service.app.store.find_membership(user, own).await.unwrap().unwrap();
    assert_eq!(kept.checked_at, Some(service.clock.now()), "the other one is confirmed");
    let changed = permission_changes(&service).await;
    assert_eq!(changed.last(), Some(&(json!(user.to_string()), json!("12345"), json!("revoked"))));
    assert_eq!(listed_ids(&browser.get(GITHUB).await.ok()), ["67890"]);
}

#[tokio::test]
async fn sign_in_succeeds_when_memberships_cannot_be_checked() {
    let service = TestService::new().await;
    let mut browser = Browser::new(&service);
    let user = UserId::parse(&browser.user(Vcs::Github, OCTOCAT).await).unwrap();
    browser.get(GITHUB).await.ok();
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    service.github.desk().fail("GET /user/installations", [Fault::Answer(500, vec![])]);
    assert_eq!(browser.sign_in(Vcs::Github, OCTOCAT, "").await.status, 303);
    assert_eq!(service.app.store.list_memberships(user, Vcs::Github).await.unwrap(), installation_ids([12345, 67890]));
}
