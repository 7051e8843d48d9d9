//! Resources of HCP Terraform that this service does not have: clients are told so, and where to go instead.

use http::Method;
use serde_json::json;
use terrapi::domain::Capability;

use super::{ACCOUNT, ORGANIZATIONS, data, problem};
use crate::support::TestService;

#[tokio::test]
async fn unsupported_resource_is_400_with_a_printable_reason() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let create = json!({"data": {"type": "workspaces", "attributes": {"name": "production"}}});
    let invite = json!({"data": {"type": "organization-memberships", "attributes": {"email": "ann@example.com"}}});
    for (method, place, body) in [
        (Method::POST, "organization-memberships", Some(invite)),
        (Method::GET, "workspaces", None),
        (Method::GET, "workspaces?search%5Btags%5D=a", None),
        (Method::POST, "workspaces", Some(create)),
        (Method::GET, "workspaces/production", None),
        (Method::GET, "projects?filter%5Bnames%5D=p", None),
    ] {
        let of = |organization: &str| format!("{ORGANIZATIONS}/{organization}/{place}");
        for token in [&acme.team_token, &acme.organization_token] {
            let refused = service.call(method.clone(), &of("acme"), token, body.clone()).await;
            // No pointer, and no 404, which clients print without the reason.
            assert_eq!(problem(&refused, 400), ("bad request".to_owned(), None), "{method} {place}");
            let detail = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
            let missing =
                if place == "organization-memberships" { "invitations" } else { "workspaces and no projects" };
            assert!(detail.starts_with(&format!("There are no {missing} here")), "{detail}");
        }
        let hidden = service.call(method.clone(), &of("nobody"), &acme.team_token, body.clone()).await;
        problem(&hidden, 404);
        problem(&service.call(method, &of("acme"), "garbage", body).await, 401);
    }
    problem(&service.get(&format!("{ORGANIZATIONS}/%FF/workspaces/production"), &acme.team_token).await, 404);
}

/// A client that deletes takes 404 for success.
#[tokio::test]
async fn membership_deletion_is_refused_with_the_reason() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let list = service.get(&format!("{ORGANIZATIONS}/acme/organization-memberships"), &acme.organization_token).await;
    let id = data(&list, 200)[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v2/organization-memberships/{id}");
    let refused = service.delete(&path, &acme.organization_token).await;
    problem(&refused, 400);
    let detail = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert!(detail.ends_with("remove the person from every team of the organization."), "{detail}");
    data(&service.get(&path, &acme.organization_token).await, 200);
    problem(
        &service.delete("/api/v2/organization-memberships/ou-acme1111nobody11", &acme.organization_token).await,
        404,
    );
    problem(&service.delete(&path, "garbage").await, 401);
}

#[tokio::test]
async fn entitlements_login_page_and_account_links_are_served() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/entitlement-set";
    let shown = data(&service.get(path, &acme.team_token).await, 200);
    assert_eq!((&shown["type"], &shown["id"]), (&json!("entitlement-sets"), &json!("org-acme1111acme1111")));
    for (name, entitled) in shown["attributes"].as_object().unwrap() {
        assert_eq!(entitled, &json!(name == "teams"), "{name}");
    }
    problem(&service.get("/api/v2/organizations/nobody/entitlement-set", &acme.team_token).await, 404);
    let login = service.get("/app/settings/tokens?source=terraform-login", "").await;
    assert_eq!((login.status.as_u16(), login.header("location")), (307, Some("../../docs")));
    for token in [&acme.team_token, &service.token(&[Capability::AccessTokenCreate])] {
        let account = data(&service.get(ACCOUNT, token).await, 200);
        let own = account["links"]["self"].as_str().unwrap();
        assert_eq!(data(&service.get(own, token).await, 200)["id"], account["id"], "the link leads here");
        assert!(account["attributes"]["avatar-url"].as_str().unwrap().starts_with("data:image/svg+xml,"));
    }
}
