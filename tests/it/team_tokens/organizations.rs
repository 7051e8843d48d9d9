//! Creating, reading, changing and deleting organizations.

use http::Method;
use serde_json::json;
use terrapi::domain::{Capability, UserId, Vcs};
use terrapi::runtime::Random;

use super::{ORGANIZATIONS, body, data, problem};
use crate::support::{MemberOf, TestService};

#[tokio::test]
async fn user_creates_owns_and_deletes_an_organization() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    let new = body(&json!({"name": "fresh", "email": "a@b.test"}));
    let created = data(&service.post(ORGANIZATIONS, &owner, new.clone()).await, 201);
    assert_eq!((&created["id"], &created["type"]), (&json!("fresh"), &json!("organizations")));
    assert_eq!(created["attributes"]["installation-id"], "12345", "the first of its creator's");
    assert_eq!(created["attributes"]["permissions"]["can-create-team"], true);
    let taken = service.post(ORGANIZATIONS, &owner, new).await;
    assert_eq!(problem(&taken, 422).1.as_deref(), Some("/data/attributes/name"));
    let teams = service.get("/api/v2/organizations/fresh/teams", &owner).await.ok();
    assert_eq!(teams["data"][0]["attributes"]["name"], "owners");
    assert_eq!(teams["data"][0]["attributes"]["users-count"], 1);
    let renamed = body(&json!({"name": "renamed"}));
    let path = "/api/v2/organizations/fresh";
    assert_eq!(data(&service.call(Method::PATCH, path, &owner, Some(renamed)).await, 200)["id"], "renamed");
    problem(&service.get(path, &owner).await, 404);
    let list = service.get(ORGANIZATIONS, &owner).await.ok();
    assert_eq!((list["data"].as_array().unwrap().len(), &list["data"][0]["id"]), (1, &json!("renamed")));
    assert_eq!(service.delete("/api/v2/organizations/renamed", &owner).await.status, 204);
    assert_eq!(service.get(ORGANIZATIONS, &owner).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn organization_needs_a_name_email_and_installation() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    for (attributes, place) in [
        (json!({"email": "a@b.test"}), "name"),
        (json!({"name": "", "email": "a@b.test"}), "name"),
        (json!({"name": "a b", "email": "a@b.test"}), "name"),
        (json!({"name": 7, "email": "a@b.test"}), "name"),
        (json!({"name": "new"}), "email"),
        (json!({"name": "new", "email": "nowhere"}), "email"),
        (json!({"name": "new", "email": "a@b.test", "installation-id": "424242"}), "installation-id"),
        (json!({"name": "new", "email": "a@b.test", "vcs": "gitlab"}), "installation-id"),
        (json!({"name": "new", "email": "a@b.test", "vcs": "svn"}), "vcs"),
    ] {
        let reply = service.post(ORGANIZATIONS, &owner, body(&attributes)).await;
        assert_eq!(problem(&reply, 422).1, Some(format!("/data/attributes/{place}")), "{attributes}");
    }
    let there = body(&json!({"name": "new", "email": "a@b.test", "vcs": "github", "installation-id": "67890"}));
    assert_eq!(data(&service.post(ORGANIZATIONS, &owner, there).await, 201)["attributes"]["installation-id"], "67890");
}

#[tokio::test]
async fn owner_who_leaves_the_installation_loses_the_organization() {
    let service = TestService::new().await;
    service.acme().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    assert_eq!(service.get("/api/v2/organizations/acme", &owner).await.status, 200);
    let limited = |id: &str| service.token(&[Capability::AccessTokenCreate, Capability::InstallationId(id.into())]);
    assert_eq!(service.get("/api/v2/organizations/acme", &limited("12345")).await.status, 200);
    problem(&service.get("/api/v2/organizations/acme", &limited("67890")).await, 404);
    problem(&service.get("/api/v2/organizations/acme", &service.token(&[Capability::KvStoreRead])).await, 404);
    service.leave(Vcs::Github).await;
    problem(&service.get("/api/v2/organizations/acme", &owner).await, 404);
    assert_eq!(service.get(ORGANIZATIONS, &owner).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn organization_is_404_for_a_non_member() {
    let service = TestService::new().await;
    service.acme().await;
    let stranger = UserId::new(Random::default().id().unwrap());
    service.join(stranger, MemberOf(12345)).await;
    let token = service.token_of(stranger, &[Capability::AccessTokenCreate]);
    for path in ["", "/teams", "/team-tokens", "/authentication-token"] {
        problem(&service.get(&format!("/api/v2/organizations/acme{path}"), &token).await, 404);
    }
    assert_eq!(service.get(ORGANIZATIONS, &token).await.ok()["data"], json!([]));
}

#[tokio::test]
async fn organizations_are_searched_by_name_and_address() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    for (name, email) in [("alpha", "ops@one.test"), ("beta", "dev@alphabet.test"), ("gamma", "ops@two.test")] {
        data(&service.post(ORGANIZATIONS, &owner, body(&json!({"name": name, "email": email}))).await, 201);
    }
    for (query, expected) in [
        ("?q=ALPHA", &["alpha", "beta"][..]),
        ("?q=ops&page[number]=1", &["alpha", "gamma"]),
        ("?q[name]=alpha", &["alpha"]),
        ("?q%5Bemail%5D=TWO", &["gamma"]),
        ("?q=", &["alpha", "beta", "gamma"]),
        ("?q=nobody", &[]),
    ] {
        let list = service.get(&format!("{ORGANIZATIONS}{query}"), &owner).await.ok();
        let names: Vec<_> = list["data"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{query}");
        assert_eq!(list["meta"]["pagination"]["total-count"], expected.len(), "{query}");
    }
}
