//! Administrators list and remove the memberships and organizations of an installation.

use serde_json::{Value, json};
use terrapi::domain::{Capability, Identity, InstallationId, Namespace, Profile, UserId, Vcs};
use terrapi::runtime::{Clock, Random};

use super::pages;
use crate::support::TestService;
use crate::support::organizations::ACME;
use crate::support::service::{KV, MemberOf};

const USERS: &str = "/api/v1/admin/users?installation_id=12345";
const ORGANIZATIONS: &str = "/api/v1/admin/organizations?installation_id=12345";

fn membership(user: UserId, place: &str) -> String {
    format!("/api/v1/admin/users/{user}/memberships/{place}")
}

#[tokio::test]
async fn administrator_finds_and_removes_a_membership() {
    let service = TestService::new().await;
    let profile = Profile { id: 7, login: "octocat".into(), name: None, email: None, avatar_url: None };
    let identity = Identity { vcs: Vcs::Github, user: service.user, profile };
    assert!(service.app.store.put_identity(&identity, None, true, None).await.unwrap());
    service.acme().await;
    let admin = service.admin_token(&[]);
    let expected = json!({"user_id": service.user.to_string(), "login": "octocat", "vcs": "github",
        "installation_id": "12345", "checked_at": "2026-09-21T14:13:20.000Z"});
    assert_eq!(
        service.get(USERS, &admin).await.ok()["results"],
        json!([expected]),
        "a team's own user is none of them"
    );
    let token = service.kv_token();
    assert_eq!(service.delete(&membership(service.user, "github/12345"), &admin).await.status, 200);
    let record = service.put(&format!("{KV}/key/k"), &token, json!({"data": 1})).await;
    assert_eq!(record.failed(403), "INSTALLATION_FORBIDDEN");
    assert_eq!(service.get(USERS, &admin).await.ok()["results"], json!([]));
    assert_eq!(service.delete(&membership(service.user, "github/12345"), &admin).await.failed(404), "NOT_FOUND");
    let trail = service.get("/api/v1/admin/audit?action=permission_changed", &admin).await.ok();
    let [entry] = trail["results"].as_array().unwrap().as_slice() else { panic!("{trail}") };
    assert_eq!(entry["actor"], service.user.to_string());
    assert_eq!(
        (&entry["subject"]["change"], &entry["subject"]["installation_id"]),
        (&json!("revoked"), &json!("12345"))
    );
}

#[tokio::test]
async fn members_of_both_providers_are_listed_page_by_page() {
    let service = TestService::new().await;
    let gitlab = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(12345) };
    let mut expected = vec![("github".to_owned(), service.user.to_string())];
    for number in 0..9 {
        let user = UserId::new(Random::default().id().unwrap());
        if number % 2 == 0 {
            service.app.store.put_membership(user, gitlab, service.clock.now()).await.unwrap();
            expected.push(("gitlab".into(), user.to_string()));
        } else {
            service.join(user, MemberOf(12345)).await;
            expected.push(("github".into(), user.to_string()));
        }
    }
    expected.sort();
    let told = |row: &Value| (row["vcs"].as_str().unwrap().to_owned(), row["user_id"].as_str().unwrap().to_owned());
    for limit in [1, 2, 3, 5, 100] {
        let pages = pages(&service, format!("{USERS}&limit={limit}")).await;
        assert!(pages.iter().all(|page| page.len() <= limit), "{limit}");
        assert_eq!(pages.iter().flatten().map(told).collect::<Vec<_>>(), expected, "{limit}");
    }
    for vcs in ["github", "gitlab"] {
        let pages = pages(&service, format!("{USERS}&vcs={vcs}&limit=2")).await;
        assert_eq!(pages.iter().flatten().count(), 5, "{vcs}");
    }
    let next = service.get(&format!("{USERS}&limit=1"), &service.admin_token(&[])).await.next().unwrap();
    let elsewhere = next.replace("installation_id=12345", "installation_id=67890");
    assert_eq!(service.get(&elsewhere, &service.admin_token(&[])).await.failed(400), "INVALID_CURSOR");
}

#[tokio::test]
async fn administrator_finds_and_deletes_an_organization() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    // The administrator is no owner, and no member either.
    let admin_user = UserId::new(Random::default().id().unwrap());
    let user = terrapi::store::User { id: admin_user, vcs: vec![Vcs::Github] };
    service.app.store.put_user(&user).await.unwrap();
    service.app.store.set_administrator(admin_user, true).await.unwrap();
    let admin = service.admin_token_of(admin_user, &[]);
    let listed = service.get(ORGANIZATIONS, &admin).await.ok();
    let expected = json!({"id": acme.organization.id.to_string(), "name": ACME, "email": "ops@acme.test",
        "vcs": "github", "installation_id": "12345", "created_at": "2026-09-21T14:13:20.000Z"});
    assert_eq!(listed["results"], json!([expected]));
    let other = "/api/v1/admin/organizations?installation_id=67890";
    assert_eq!(service.get(other, &admin).await.ok()["results"], json!([]));
    let path = "/api/v1/admin/organizations/acme";
    assert_eq!(service.delete(path, &admin).await.status, 200);
    for secret in [&acme.team_token, &acme.organization_token] {
        assert_eq!(service.get("/api/v2/account/details", secret).await.status, 401);
    }
    assert_eq!(service.delete(path, &admin).await.failed(404), "NOT_FOUND");
    assert_eq!(service.get(ORGANIZATIONS, &admin).await.ok()["results"], json!([]));
}

#[tokio::test]
async fn organizations_are_listed_page_by_page() {
    let service = TestService::new().await;
    let owner = service.admin_token(&[Capability::AccessTokenCreate]);
    for number in 0..5 {
        let attributes = json!({"name": format!("o{number}"), "email": "a@b.test", "installation-id": "12345"});
        let body = json!({"data": {"attributes": attributes}});
        assert_eq!(service.post("/api/v2/organizations", &owner, body).await.status, 201);
    }
    let pages = pages(&service, format!("{ORGANIZATIONS}&limit=2")).await;
    let mut names: Vec<_> = pages.iter().flatten().map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["o0", "o1", "o2", "o3", "o4"]);
    assert!(pages.iter().all(|page| page.len() <= 2));
}

#[tokio::test]
async fn bad_requests_about_an_installation_are_400() {
    let service = TestService::new().await;
    let admin = service.admin_token(&[]);
    for listing in ["users", "organizations"] {
        for query in [
            "",
            "?installation_id=",
            "?installation_id=x",
            "?installation_id=-1",
            "?vcs=github",
            "?installation_id=1&vcs=hub",
            "?installation_id=1&limit=0",
        ] {
            let reply = service.get(&format!("/api/v1/admin/{listing}{query}"), &admin).await;
            assert_eq!(reply.failed(400), "INVALID_QUERY", "{listing}{query}");
        }
        let reply = service.get(&format!("/api/v1/admin/{listing}?installation_id=1&page=x"), &admin).await;
        assert_eq!(reply.failed(400), "INVALID_CURSOR");
    }
    let bad = "/api/v1/admin/users/x/memberships/github/1";
    assert_eq!(service.delete(bad, &admin).await.failed(400), "INVALID_PATH");
    assert_eq!(service.delete(&membership(service.user, "github/x"), &admin).await.failed(400), "INVALID_PATH");
    assert_eq!(service.delete(&membership(service.user, "hub/1"), &admin).await.failed(404), "NOT_FOUND");
    assert_eq!(service.delete("/api/v1/admin/organizations/a%20b", &admin).await.failed(400), "INVALID_PATH");
}
