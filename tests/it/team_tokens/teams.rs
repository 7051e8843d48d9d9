//! Creating, reading, changing and deleting teams, and what their managers may change.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::organization::{OrganizationAccess, Team};

use super::{body, data, problem};
use crate::support::TestService;
use crate::support::organizations::PLATFORM;

const TEAMS: &str = "/api/v2/organizations/acme/teams";

#[tokio::test]
async fn team_is_created_found_changed_and_deleted() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let token = &acme.organization_token;
    let created = data(&service.post(TEAMS, token, body(&json!({"name": "two words"}))).await, 200);
    let attributes = &created["attributes"];
    assert_eq!((&attributes["visibility"], &attributes["is-unified"]), (&json!("secret"), &json!(false)));
    assert_eq!(attributes["allow-member-token-management"], true);
    let access = attributes["organization-access"].as_object().unwrap();
    assert_eq!((access.len(), access.values().all(|flag| flag == false)), (16, true), "{access:?}");
    assert_eq!(created["relationships"]["organization"]["data"], json!({"id": "acme", "type": "organizations"}));
    let path = format!("/api/v2/teams/{}", created["id"].as_str().unwrap());
    assert_eq!(data(&service.get(&path, token).await, 200), created);
    let change = json!({"visibility": "organization", "organization-access": {"manage-teams": true}});
    let changed = data(&service.call(Method::PATCH, &path, token, Some(body(&change))).await, 200);
    assert_eq!(
        (&changed["attributes"]["visibility"], &changed["attributes"]["name"]),
        (&json!("organization"), &json!("two words"))
    );
    assert_eq!(changed["attributes"]["organization-access"]["manage-teams"], true);
    for (query, count) in [
        ("", 3),
        ("?q=WORDS", 1),
        ("?filter[names]=owners,platform", 2),
        ("?filter%5Bnames%5D=two+words", 1),
        ("?filter[names]=owners&filter[names]=two%20words", 2),
        ("?page[number]=999", 3),
    ] {
        let list = service.get(&format!("{TEAMS}{query}"), token).await.ok();
        assert_eq!(list["meta"]["pagination"]["total-count"], count, "{query}");
    }
    assert_eq!(service.delete(&path, token).await.status, 204);
    problem(&service.delete(&path, token).await, 404);
}

#[tokio::test]
async fn names_are_unique_and_the_owners_team_is_fixed() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let token = &acme.organization_token;
    let named = |name: Value| body(&json!({"name": name}));
    for bad in [Value::Null, json!(""), json!("a#b"), json!(7), json!(" ")] {
        let reply = service.post(TEAMS, token, named(bad.clone())).await;
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/name"), "{bad}");
    }
    let platform = format!("/api/v2/teams/{PLATFORM}");
    for reply in [
        service.post(TEAMS, token, named(json!("platform"))).await,
        service.call(Method::PATCH, &platform, token, Some(named(json!("owners")))).await,
    ] {
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/name"));
        assert_eq!(reply.json()["errors"][0]["detail"], "Name has already been taken");
    }
    let owners = format!("/api/v2/teams/{}", acme.owners.id);
    problem(&service.delete(&owners, token).await, 422);
    problem(&service.call(Method::PATCH, &owners, token, Some(named(json!("others")))).await, 422);
    data(&service.call(Method::PATCH, &platform, token, Some(named(json!("renamed")))).await, 200);
    data(&service.post(TEAMS, token, named(json!("platform"))).await, 200);
}

#[tokio::test]
async fn only_owners_grant_capabilities_within_the_organization() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let managers = Team {
        access: OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let manager = service.team_with_token(&managers).await;
    let path = format!("/api/v2/teams/{}", managers.id);
    let give = |capabilities: Value| Some(body(&json!({"capabilities": capabilities})));
    problem(&service.call(Method::PATCH, &path, &manager, give(json!(["kv_store_read"]))).await, 404);
    let more = Some(body(&json!({"organization-access": {"manage-workspaces": true}})));
    problem(&service.call(Method::PATCH, &path, &manager, more).await, 404);
    let owners = format!("/api/v2/teams/{}", acme.owners.id);
    problem(
        &service.call(Method::PATCH, &owners, &manager, Some(body(&json!({"visibility": "organization"})))).await,
        404,
    );
    for bad in [
        json!(["access_token_create"]),
        json!(["kv_store_system_read"]),
        json!([{"name": "installation_id", "id": "67890"}]),
        json!(["nonsense"]),
        json!("kv_store_read"),
    ] {
        let reply = service.call(Method::PATCH, &path, &acme.organization_token, give(bad.clone())).await;
        assert_eq!(problem(&reply, 422).1.as_deref(), Some("/data/attributes/capabilities"), "{bad}");
    }
    let fine = json!(["kv_store_read", {"name": "installation_id", "id": "12345"}, {"name": "vcs", "vcs": "github"}]);
    data(&service.call(Method::PATCH, &path, &acme.organization_token, give(fine)).await, 200);
    let grant =
        service.post("/api/v1/access-token/refresh", &manager, json!({"capabilities": ["kv_store_read"]})).await.ok();
    let token = grant["access_token"].as_str().unwrap();
    assert_eq!(service.get("/api/v1/github/kv/12345/key/a", token).await.failed(404), "NOT_FOUND");
    let written = service.put("/api/v1/github/kv/12345/key/a", token, json!({"data": 1})).await;
    assert_eq!(written.failed(403), "INSUFFICIENT_SCOPE");
    let more =
        service.post("/api/v1/access-token/refresh", &manager, json!({"capabilities": ["kv_store_write"]})).await;
    assert_eq!(more.failed(400), "CAPABILITY_NOT_HELD");
}

#[tokio::test]
async fn manager_may_resend_access_but_not_change_it() {
    let service = TestService::new().await;
    service.acme().await;
    let managers = Team {
        access: OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let token = service.team_with_token(&managers).await;
    let path = format!("/api/v2/teams/{}", managers.id);
    let shown = data(&service.get(&path, &token).await, 200)["attributes"].clone();
    let back = json!({"name": "renamed", "organization-access": shown["organization-access"], "capabilities": []});
    let changed = data(&service.call(Method::PATCH, &path, &token, Some(body(&back))).await, 200);
    assert_eq!(changed["attributes"]["name"], "renamed");
    let more = json!({"organization-access": {"manage-workspaces": true}});
    problem(&service.call(Method::PATCH, &path, &token, Some(body(&more))).await, 404);
}

#[tokio::test]
async fn team_name_may_have_slashes_and_type_may_be_organizations() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let new = json!({"data": {"type": "organizations", "attributes": {"name": "team/with/slashes"}}});
    let created = data(&service.post(TEAMS, &acme.organization_token, new).await, 200);
    assert_eq!(created["attributes"]["name"], "team/with/slashes");
    let list =
        service.get(&format!("{TEAMS}?filter[names]=team%2Fwith%2Fslashes"), &acme.organization_token).await.ok();
    assert_eq!(list["data"][0]["id"], created["id"]);
    let other = json!({"data": {"type": "workspaces", "attributes": {"name": "x"}}});
    assert_eq!(
        problem(&service.post(TEAMS, &acme.organization_token, other).await, 422).1.as_deref(),
        Some("/data/type")
    );
}
