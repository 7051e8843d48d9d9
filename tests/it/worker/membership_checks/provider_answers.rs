//! What the provider's answer does to the membership, whichever token asks.

use serde_json::{Value, json};
use terrapi::domain::{Installation, InstallationId, InstallationState, Namespace, SecretText, Vcs};
use terrapi::runtime::Clock;
use terrapi::store::operations::InstallationSecret;
use worker::BatchAnswer;

use super::{DAY_MS, LIST, answer, membership, service_with_old_memberships};
use crate::installations::INSTALLATION;
use crate::support::StreamPump;
use crate::support::gitlab::{BOT, Group};
use crate::support::provider_user::{OCTOCAT, TANUKI, permission_changes, signed_in};

const GROUP: Namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(555) };

#[tokio::test]
async fn removed_user_is_refused_after_the_check() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(answer(&service, INSTALLATION).await, "OK", "the request that starts the check is served");
    assert_eq!(pump.run(&service).await, [BatchAnswer::default()]);
    assert_eq!(answer(&service, INSTALLATION).await, "INSTALLATION_FORBIDDEN");
    let other = Namespace { installation: InstallationId::new(67890), ..INSTALLATION };
    assert_eq!(answer(&service, other).await, "OK");
    assert!(pump.peek().is_none(), "the same list has confirmed the other membership");
    assert_eq!(permission_changes(&service).await, [(Value::Null, json!("12345"), json!("revoked"))]);
    let calls = service.github.desk().take_seen();
    assert_eq!(calls.iter().filter(|call| *call == LIST).count(), 1, "{calls:?}");
}

#[tokio::test]
async fn installation_token_is_used_when_the_users_token_fails() {
    let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
    // The user has revoked the authorization and has a new login.
    service.github.hub(|hub| {
        hub.oauth.revoke(OCTOCAT);
        hub.person(OCTOCAT, "octocat-renamed");
        hub.installation(67890).account = "octocat-renamed".into();
    });
    let own = Namespace { installation: InstallationId::new(67890), ..INSTALLATION };
    for namespace in [INSTALLATION, own] {
        assert_eq!(answer(&service, namespace).await, "OK");
        pump.run(&service).await;
        assert_eq!(membership(&service, namespace).await.unwrap().checked_at, Some(service.clock.now()), "{namespace}");
    }
    service.clock.advance_ms(DAY_MS + 1);
    service.github.hub(|hub| hub.installation(12345).members.remove(&OCTOCAT));
    assert_eq!(answer(&service, INSTALLATION).await, "OK");
    pump.run(&service).await;
    assert_eq!(answer(&service, INSTALLATION).await, "INSTALLATION_FORBIDDEN");
    assert_eq!(permission_changes(&service).await, [(Value::Null, json!("12345"), json!("revoked"))]);
}

#[tokio::test]
async fn inconclusive_installation_answer_removes_no_membership() {
    for change in ["uninstalled", "suspended"] {
        let (service, mut pump) = service_with_old_memberships(Vcs::Github).await;
        service.github.hub(|hub| {
            hub.oauth.revoke(OCTOCAT);
            match change {
                "uninstalled" => drop(hub.installations.remove(&12345)),
                _ => hub.installation(12345).suspended = true,
            }
        });
        assert_eq!(answer(&service, INSTALLATION).await, "OK");
        pump.run(&service).await;
        assert!(membership(&service, INSTALLATION).await.is_some(), "{change}");
        service.clock.advance_ms(3 * DAY_MS);
        assert_eq!(answer(&service, INSTALLATION).await, "MEMBERSHIP_UNCONFIRMED", "{change}");
    }
}

#[tokio::test]
async fn removed_user_is_refused_on_gitlab() {
    for revoked in [false, true] {
        let service = signed_in(Vcs::Gitlab).await;
        let known = service.app.store.find_installation(INSTALLATION).await.unwrap().unwrap();
        let group = Installation { namespace: GROUP, state: InstallationState::Installed, ..known };
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
