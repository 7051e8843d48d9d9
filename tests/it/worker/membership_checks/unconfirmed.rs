//! Memberships that no provider confirms: they are suspended after three days, unless there is no provider to ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;
use terrapi::auth::SealingKeys;
use terrapi::domain::{SecretText, Vcs};
use terrapi::runtime::Clock;
use terrapi::vcs::{AnswerLimits, ProviderConfig, Providers, real_pause};

use super::{DAY_MS, LIST, answer, membership, service_with_old_memberships};
use crate::installations::INSTALLATION;
use crate::providers::misconfigured::providers_of;
use crate::support::browser::Browser;
use crate::support::provider_user::OCTOCAT;
use crate::support::stand_in::Fault;
use crate::support::{StreamPump, TestService};
use crate::worker::run_timer;

fn unavailable() -> impl Iterator<Item = Fault> {
    std::iter::repeat_with(|| Fault::Answer(500, vec![])).take(1_000)
}

#[tokio::test]
async fn membership_is_suspended_after_three_days_without_provider() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    service.github.desk().fail(LIST, unavailable());
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    let began = service.clock.now();
    while service.clock.now().0 < began.0 + 3 * DAY_MS - 3_600_000 {
        pump.run(&service).await;
        service.clock.advance_ms(3_600_000);
        run_timer(&service).await;
        assert_eq!(answer(&service, INSTALLATION).await, "OK", "the user keeps access");
    }
    let asked = service.github.desk().take_seen().iter().filter(|call| *call == LIST).count();
    assert!((60..=90).contains(&asked), "{asked} calls in three days");
    service.clock.advance_ms(3_600_000 - 1);
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    service.clock.advance_ms(1);
    assert_eq!(answer(&service, INSTALLATION).await, "MEMBERSHIP_UNCONFIRMED");
    assert!(membership(&service, INSTALLATION).await.is_some(), "it is not removed");
    service.github.desk().clear();
    service.clock.advance_ms(6 * 3_600_000);
    run_timer(&service).await;
    pump.run(&service).await;
    assert_eq!(answer(&service, INSTALLATION).await, "OK", "the provider is back");
}

#[tokio::test]
async fn membership_is_suspended_without_a_worker() {
    let (service, _) = service_with_old_memberships(Vcs::Github).await;
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    service.clock.advance_ms(3 * DAY_MS);
    assert_eq!(answer(&service, INSTALLATION).await, "MEMBERSHIP_UNCONFIRMED");
    let mut browser = Browser::new(&service);
    browser.user(Vcs::Github, OCTOCAT).await;
    assert_eq!(answer(&service, INSTALLATION).await, "OK", "a sign-in is a check");
    service.clock.advance_ms(DAY_MS + 1);
    assert_eq!(answer(&service, INSTALLATION).await, "OK", "the earlier check does not count");
}

#[tokio::test]
async fn memberships_do_not_age_without_their_provider() {
    let mut service = TestService::new().await;
    service.app.providers = Providers::default();
    let mut pump = StreamPump::new(&service, "operations");
    for _ in 0..6 {
        service.clock.advance_ms(DAY_MS + 1);
        assert_eq!(answer(&service, INSTALLATION).await, "OK");
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
        let (mut service, mut pump) = service_with_old_memberships(Vcs::Github).await;
        let before = membership(&service, INSTALLATION).await;
        service.app.providers = providers;
        assert_eq!(answer(&service, INSTALLATION).await, "OK");
        pump.run(&service).await;
        assert_eq!(membership(&service, INSTALLATION).await, before, "it is not confirmed");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, INSTALLATION).await, "MEMBERSHIP_UNCONFIRMED");
    }
}

#[tokio::test]
async fn unreadable_provider_secret_confirms_no_membership() {
    let lacks_client_id = json!({"TOKEN_SEALING_KEY": "s".repeat(43), "GITHUB_APP_ID": "1"}).to_string();
    let nested = json!({"TOKEN_SEALING_KEY": "s".repeat(43), "github": {"GITHUB_APP_ID": "1"}}).to_string();
    for text in ["GITHUB_APP_ID=1", "[]", "", &lacks_client_id, &nested] {
        let (mut service, mut pump) = service_with_old_memberships(Vcs::Github).await;
        let before = membership(&service, INSTALLATION).await;
        service.app.providers = providers_of(&service, text).await;
        assert_eq!(answer(&service, INSTALLATION).await, "OK", "{text}");
        pump.run(&service).await;
        assert_eq!(membership(&service, INSTALLATION).await, before, "it is not confirmed: {text}");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, INSTALLATION).await, "MEMBERSHIP_UNCONFIRMED", "{text}");
    }
}
