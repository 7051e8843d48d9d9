//! Members of teams.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{Capability, UserId};
use terrapi::runtime::Random;

use super::{data, problem};
use crate::support::organizations::PLATFORM;
use crate::support::{MemberOf, TestService};

const MEMBERSHIPS: &str = "/api/v2/organizations/acme/organization-memberships";

fn users(team: &str) -> String {
    format!("/api/v2/teams/{team}/relationships/users")
}

fn memberships(team: &str) -> String {
    format!("/api/v2/teams/{team}/relationships/organization-memberships")
}

fn of(kind: &str, ids: &[&str]) -> Value {
    json!({"data": ids.iter().map(|id| json!({"type": kind, "id": id})).collect::<Vec<_>>()})
}

fn logins(logins: &[&str]) -> Value {
    of("users", logins)
}

/// A user who has signed in at GitHub.
async fn person(service: &TestService, login: &str, number: u64) -> UserId {
    let user = UserId::new(Random::default().id().unwrap());
    service.signed_in(user, login, number).await;
    user
}

async fn change(service: &TestService, method: Method, path: &str, token: &str, body: Value) -> u16 {
    service.call(method, path, token, Some(body)).await.status.as_u16()
}

#[tokio::test]
async fn added_person_sees_the_organization_until_removed() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let owner = &acme.organization_token;
    let grace = person(&service, "grace", 7).await;
    service.join(grace, MemberOf(12345)).await;
    let hers = service.token_of(grace, &[Capability::AccessTokenCreate]);
    problem(&service.get("/api/v2/organizations/acme", &hers).await, 404);
    assert_eq!(change(&service, Method::POST, &users(PLATFORM), owner, logins(&["grace"])).await, 204);
    assert_eq!(change(&service, Method::POST, &users(PLATFORM), owner, logins(&["grace"])).await, 204, "she is in it");
    let team = format!("/api/v2/teams/{PLATFORM}");
    data(&service.get(&team, &hers).await, 200);
    assert_eq!(service.get("/api/v2/organizations", &hers).await.ok()["data"][0]["id"], "acme");
    assert_eq!(change(&service, Method::POST, &super::legacy(), &hers, json!({})).await, 201, "she manages its tokens");

    let shown = service.get(&format!("{team}?include=users"), owner).await.ok();
    let [included] = shown["included"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&included["type"], &included["attributes"]["username"]), (&json!("users"), &json!("grace")));
    assert_eq!(shown["data"]["relationships"]["users"]["data"][0]["id"], included["id"]);
    assert_eq!(shown["data"]["attributes"]["users-count"], 1);
    let list = service.get(&format!("{MEMBERSHIPS}?q=GRACE&include=user"), owner).await.ok();
    let membership = &list["data"][0];
    assert_eq!(membership["attributes"], json!({"status": "active", "email": "grace@people.test"}));
    assert_eq!(membership["relationships"]["teams"]["data"][0]["id"], PLATFORM);
    let id = membership["id"].as_str().unwrap();
    assert_eq!(membership["relationships"]["user"]["data"]["id"], list["included"][0]["id"]);
    let own = service.get(&format!("/api/v2/organization-memberships/{id}?include=user"), &hers).await.ok();
    assert_eq!((&own["data"]["id"], &own["included"][0]["attributes"]["username"]), (&json!(id), &json!("grace")));
    assert_eq!(own["data"]["attributes"]["email"], "", "addresses are for those who manage teams");

    let closed = service.team("team-acme1111closed00", &[]);
    service.team_with_token(&closed).await;
    let closed = closed.id.to_string();
    let named = of("organization-memberships", &[id]);
    assert_eq!(change(&service, Method::POST, &memberships(&closed), owner, named.clone()).await, 204);
    let list = service.get(&memberships(&closed), owner).await.ok();
    assert_eq!((&list["data"][0]["id"], &list["meta"]["pagination"]["total-count"]), (&json!(id), &json!(1)));
    assert_eq!(change(&service, Method::DELETE, &memberships(&closed), owner, named.clone()).await, 204);
    assert_eq!(change(&service, Method::DELETE, &memberships(&closed), owner, named).await, 204, "a second time");
    assert_eq!(change(&service, Method::DELETE, &users(PLATFORM), owner, logins(&["grace", "nobody"])).await, 204);
    problem(&service.get(&team, &hers).await, 404);
    problem(&service.post(&super::legacy(), &hers, json!({})).await, 404);
    assert_eq!(service.get("/api/v2/organizations", &hers).await.ok()["data"], json!([]));
    problem(&service.get(&format!("/api/v2/organization-memberships/{id}"), owner).await, 404);
    let page =
        service.get("/api/v1/admin/audit?limit=100&action=permission_changed", &service.admin_token(&[])).await.ok();
    let told: Vec<_> = page["results"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|entry| {
            let subject = &entry["subject"];
            let team = entry["organization"]["team_id"].as_str().unwrap().to_owned();
            assert_eq!(
                (&subject["user_id"], &subject["permission"]),
                (&json!(grace.to_string()), &json!("team_member"))
            );
            (team, subject["change"].as_str().unwrap().to_owned())
        })
        .collect();
    let granted = |team: &str| (team.to_owned(), "granted".to_owned());
    let revoked = |team: &str| (team.to_owned(), "revoked".to_owned());
    let mut expected = vec![granted(PLATFORM), granted(&closed), revoked(&closed), revoked(PLATFORM)];
    let mut told = told;
    expected.sort();
    told.sort();
    assert_eq!(told, expected, "one entry for each change, none for what was so");
}

#[tokio::test]
async fn only_signed_in_members_of_the_installation_are_added() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let owner = &acme.organization_token;
    let outsider = person(&service, "outsider", 8).await;
    service.join(outsider, MemberOf(67890)).await;
    let renamed = person(&service, "former", 9).await;
    service.join(renamed, MemberOf(12345)).await;
    service.signed_in(renamed, "current", 9).await;
    for login in ["nobody", "outsider", "former", "CURRENT"] {
        let refused = service.post(&users(PLATFORM), owner, logins(&[login])).await;
        assert_eq!(problem(&refused, 422).1.as_deref(), Some("/data"), "{login}");
        let both = service.post(&users(PLATFORM), owner, logins(&["current", login])).await;
        assert_eq!(problem(&both, 422).1.as_deref(), Some("/data"), "{login}");
    }
    let shown = data(&service.get(&format!("/api/v2/teams/{PLATFORM}"), owner).await, 200);
    assert_eq!(shown["attributes"]["users-count"], 0, "a refused request adds nobody");
    assert_eq!(change(&service, Method::POST, &users(PLATFORM), owner, logins(&["current"])).await, 204);
    for bad in
        [json!({}), json!([]), json!({"data": {}}), of("teams", &["current"]), json!({"data": [{"type": "users"}]})]
    {
        for method in [Method::POST, Method::DELETE] {
            let refused = service.call(method, &users(PLATFORM), owner, Some(bad.clone())).await;
            assert_eq!(problem(&refused, 422).1.as_deref(), Some("/data"), "{bad}");
        }
    }
    let unknown = of("organization-memberships", &["ou-acme1111nobody11"]);
    problem(&service.post(&memberships(PLATFORM), owner, unknown).await, 422);
    let many: Vec<_> = (0..501).map(|number| number.to_string()).collect();
    let many = logins(&many.iter().map(String::as_str).collect::<Vec<_>>());
    problem(&service.post(&users(PLATFORM), owner, many).await, 422);
}

#[tokio::test]
async fn last_owner_cannot_be_removed() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let owners = users(&acme.owners.id.to_string());
    service.signed_in(service.user, "ada", 1).await;
    let last = service.call(Method::DELETE, &owners, &acme.organization_token, Some(logins(&["ada"]))).await;
    assert_eq!(problem(&last, 422).1.as_deref(), Some("/data"));
    let grace = person(&service, "grace", 7).await;
    service.join(grace, MemberOf(12345)).await;
    assert_eq!(change(&service, Method::POST, &owners, &acme.organization_token, logins(&["grace"])).await, 204);
    // Each removes the other, and both have read that there are two.
    let hers = service.token_of(grace, &[Capability::AccessTokenCreate]);
    let his = service.token(&[Capability::AccessTokenCreate]);
    let gate = service.faulty.on("TransactWriteItems").first(2).hold_before_store();
    let (one, other, ()) = tokio::join!(
        change(&service, Method::DELETE, &owners, &hers, logins(&["ada"])),
        change(&service, Method::DELETE, &owners, &his, logins(&["grace"])),
        async {
            gate.arrived(2).await;
            gate.release();
        }
    );
    let mut statuses = [one, other];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404], "whoever was removed first removes nobody");
    let owners = service.app.store.find_team(acme.owners.id).await.unwrap().unwrap();
    assert_eq!(owners.users.len(), 1);
}

#[tokio::test]
async fn members_are_visible_only_to_managers_of_the_team() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let grace = person(&service, "grace", 7).await;
    service.join(grace, MemberOf(12345)).await;
    let managers = terrapi::domain::organization::Team {
        access: terrapi::domain::organization::OrganizationAccess { manage_teams: true, ..Default::default() },
        ..service.team("team-acme1111managers", &[])
    };
    let manager = service.team_with_token(&managers).await;
    let owners = acme.owners.id.to_string();
    problem(&service.post(&users(&owners), &manager, logins(&["grace"])).await, 404);
    problem(&service.post(&users(PLATFORM), &acme.team_token, logins(&["grace"])).await, 404);
    assert_eq!(change(&service, Method::POST, &users(PLATFORM), &manager, logins(&["grace"])).await, 204);
    for (token, team, may) in
        [(&manager, PLATFORM, true), (&manager, &owners, false), (&acme.team_token, PLATFORM, false)]
    {
        let shown = data(&service.get(&format!("/api/v2/teams/{team}"), token).await, 200);
        assert_eq!(shown["attributes"]["permissions"]["can-update-membership"], may, "{team}");
    }
    let seen = service.get(MEMBERSHIPS, &acme.team_token).await.ok();
    assert_eq!(seen["meta"]["pagination"]["total-count"], 1, "the owners' team is secret");
}
