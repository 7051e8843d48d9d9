//! Memberships on GitLab, where a group becomes an installation when someone sets it up.

use serde_json::json;
use terrapi::domain::{Capability, Installation, InstallationId, InstallationState, Millis, Namespace, Vcs};

use super::{GITLAB, installation_ids, listed_ids};
use crate::support::TestService;
use crate::support::gitlab::Group;
use crate::support::provider_user::{TANUKI, signed_in};

async fn set_up(service: &TestService, group: u64, state: InstallationState) {
    let namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(group) };
    let installation = Installation::new(namespace, "platform".into(), state, Millis(1_790_000_000_000));
    service.app.store.put_installation(&installation).await.unwrap();
}

#[tokio::test]
async fn only_groups_that_were_set_up_are_installations() {
    let service = signed_in(Vcs::Gitlab).await;
    service.gitlab.lab(|lab| {
        lab.groups.insert(1, Group::named("alpha").with_member(TANUKI, 30));
        lab.groups.insert(2, Group::named("beta").with_member(TANUKI, 30));
        lab.groups.insert(3, Group::named("gamma"));
    });
    set_up(&service, 555, InstallationState::Pending).await;
    set_up(&service, 2, InstallationState::Installed).await;
    set_up(&service, 3, InstallationState::Installed).await;
    let token = service.token(&[]);
    let listing = service.get(GITLAB, &token).await.ok();
    assert_eq!(listed_ids(&listing), ["2", "555"]);
    let statuses: Vec<_> =
        listing["installations"].as_array().unwrap().iter().map(|each| &each["account_status"]).collect();
    assert_eq!(statuses, ["installed", "pending"]);
    assert_eq!(
        service.app.store.list_memberships(service.user, Vcs::Gitlab).await.unwrap(),
        installation_ids([2, 555])
    );
    service.gitlab.lab(|lab| lab.group(555).members.clear());
    set_up(&service, 2, InstallationState::Uninstalled).await;
    let listing = service.get(GITLAB, &token).await.ok();
    assert_eq!((listed_ids(&listing), &listing["installations"][0]["account_status"]), (vec!["2"], &json!("disabled")));
    assert_eq!(
        service.app.store.list_memberships(service.user, Vcs::Github).await.unwrap(),
        installation_ids([12345, 67890])
    );
}

#[tokio::test]
async fn groups_are_listed_by_name_with_numeric_ids() {
    let service = signed_in(Vcs::Gitlab).await;
    service.gitlab.lab(|lab| lab.groups.insert(1, Group::named("alpha").with_member(TANUKI, 30)));
    let groups = "/api/v1/gitlab/groups";
    let all = json!([{"id": 1, "name": "alpha"}, {"id": 555, "name": "platform"}]);
    assert_eq!(service.get(groups, &service.token(&[])).await.ok(), all);
    let limited = service.token(&[Capability::InstallationId("555".into())]);
    assert_eq!(service.get(groups, &limited).await.ok(), json!([{"id": 555, "name": "platform"}]));
    let elsewhere = service.token(&[Capability::Vcs("github".into())]);
    assert_eq!(service.get(groups, &elsewhere).await.failed(403), "INSUFFICIENT_SCOPE");
}
