//! Concurrent requests.

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};
use terrapi::domain::organization::{OrganizationAccess, Team};
use terrapi::domain::{Capability, Vcs};

use super::{LIST, data, described, legacy, problem, secret, status};
use crate::support::organizations::Acme;
use crate::support::{Reply, TestService};

#[tokio::test]
async fn twenty_concurrent_creations_leave_one_token() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = legacy();
    // They all read the team before the first of them writes.
    let gate = service.faulty.on("TransactWriteItems").first(20).hold_before_store();
    let creations = join_all((0..20).map(|_| service.post(&path, &acme.organization_token, json!({}))));
    let (replies, ()) = tokio::join!(creations, async {
        gate.arrived(20).await;
        gate.release();
    });
    let secrets: Vec<_> = replies.iter().map(|reply| secret(&data(reply, 201))).collect();
    let statuses = join_all(secrets.iter().map(|secret| status(&service, secret))).await;
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(service.get(LIST, &acme.organization_token).await.ok()["meta"]["pagination"]["total-count"], 1);
    assert_eq!(status(&service, &acme.team_token).await, 401);
}

#[tokio::test]
async fn one_of_ten_concurrent_equal_descriptions_is_created() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let path = described();
    let gate = service.faulty.on("TransactWriteItems").first(10).hold_before_store();
    let creations = join_all((0..10).map(|_| service.post(&path, &acme.organization_token, body.clone())));
    let (replies, ()) = tokio::join!(creations, async {
        gate.arrived(10).await;
        gate.release();
    });
    let mut statuses: Vec<_> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [&[201][..], &[422; 9]].concat());
}

/// A team with `manage-teams` and capabilities, and its token.
async fn managers(service: &TestService) -> (Team, String) {
    let managers = Team {
        access: OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[Capability::KvStoreRead, Capability::KvStoreWrite])
    };
    let token = service.team_with_token(&managers).await;
    (managers, token)
}

fn attributes(attributes: &Value) -> Option<Value> {
    Some(json!({"data": {"attributes": attributes}}))
}

/// Removes a team's rights.
async fn revoke(service: &TestService, acme: &Acme, team: &Team) {
    let nothing = attributes(&json!({"organization-access": {"manage-teams": false}, "capabilities": []}));
    let path = format!("/api/v2/teams/{}", team.id);
    data(&service.call(Method::PATCH, &path, &acme.organization_token, nothing).await, 200);
}

/// Holds a request at its first transaction while `meanwhile` runs, then releases it.
async fn held(
    service: &TestService,
    request: impl Future<Output = Reply>,
    meanwhile: impl Future<Output = ()>,
) -> Reply {
    let gate = service.faulty.on("TransactWriteItems").nth(1).hold_before_store();
    let (reply, ()) = tokio::join!(request, async {
        gate.arrived(1).await;
        meanwhile.await;
        gate.release();
    });
    reply
}

#[tokio::test]
async fn revocation_survives_an_earlier_patch() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let (team, manager) = managers(&service).await;
    let path = format!("/api/v2/teams/{}", team.id);
    let patch = |token: String, body: Option<Value>| {
        let (service, path) = (&service, &path);
        async move { service.call(Method::PATCH, path, &token, body).await }
    };
    // The team itself, whose right is gone when its write arrives.
    let own = patch(manager.clone(), attributes(&json!({"visibility": "organization"})));
    let refused = held(&service, own, revoke(&service, &acme, &team)).await;
    assert_eq!(problem(&refused, 404), ("not found".to_owned(), None));
    let shown = service.app.store.find_team(team.id).await.unwrap().unwrap();
    assert!(!shown.access.manage_teams && shown.capabilities.iter().next().is_none());
    assert_eq!(shown.visibility, team.visibility, "nothing of the refused change was written");

    // An owner, who sends back what it has read, as the Terraform provider does.
    let everything = json!({"name": "renamed", "visibility": "organization", "organization-access": {"manage-teams": true},
        "capabilities": ["kv_store_read", "kv_store_write"]});
    data(
        &patch(
            acme.organization_token.clone(),
            attributes(&json!({"organization-access": {"manage-teams": true},
        "capabilities": ["kv_store_read", "kv_store_write"]})),
        )
        .await,
        200,
    );
    let owner = patch(acme.organization_token.clone(), attributes(&everything));
    let answered = data(&held(&service, owner, revoke(&service, &acme, &team)).await, 200);
    let shown = service.app.store.find_team(team.id).await.unwrap().unwrap();
    assert!(!shown.access.manage_teams && shown.capabilities.iter().next().is_none(), "{shown:?}");
    assert_eq!(shown.name.as_str(), "renamed");
    assert_eq!(answered["attributes"]["organization-access"]["manage-teams"], false, "the answer shows what is so");
}

#[tokio::test]
async fn revoked_manager_creates_no_token_and_deletes_no_team() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let (team, manager) = managers(&service).await;
    let of_owners = format!("/api/v2/teams/{}/authentication-token", acme.owners.id);
    let platform = format!("/api/v2/teams/{}", acme.platform.id);
    let give = json!({"organization-access": {"manage-teams": true}});
    let described = json!({"data": {"attributes": {"description": "ci"}}});
    for (method, path, body) in [
        (Method::POST, of_owners.clone(), Some(json!({}))),
        (Method::POST, format!("{of_owners}s"), Some(described)),
        (Method::POST, "/api/v2/organizations/acme/teams".to_owned(), attributes(&json!({"name": "new"}))),
        (Method::DELETE, legacy(), None),
        (Method::DELETE, platform.clone(), None),
    ] {
        let path_of_team = format!("/api/v2/teams/{}", team.id);
        service.call(Method::PATCH, &path_of_team, &acme.organization_token, attributes(&give)).await;
        let request = service.call(method.clone(), &path, &manager, body);
        let refused = held(&service, request, revoke(&service, &acme, &team)).await;
        assert_eq!(problem(&refused, 404), ("not found".to_owned(), None), "{method} {path}");
    }
    problem(&service.get(&of_owners, &acme.organization_token).await, 404);
    assert_eq!(status(&service, &acme.team_token).await, 200);
}

#[tokio::test]
async fn deleted_token_or_lost_membership_stops_a_running_change() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    let change = || attributes(&json!({"email": "new@acme.test"}));
    let path = "/api/v2/organizations/acme";
    let request = service.call(Method::PATCH, path, &acme.organization_token, change());
    let refused = held(&service, request, async {
        let deleted = service.delete("/api/v2/organizations/acme/authentication-token", &owner).await;
        assert_eq!(deleted.status, 204);
    });
    assert_eq!(problem(&refused.await, 401), ("unauthorized".to_owned(), None));
    let refused = held(&service, service.call(Method::PATCH, path, &owner, change()), service.leave(Vcs::Github));
    assert_eq!(problem(&refused.await, 404), ("not found".to_owned(), None));
    let shown = service.app.store.find_organization(acme.organization.id.organization()).await.unwrap().unwrap();
    assert_eq!(shown.email, acme.organization.email);
}
