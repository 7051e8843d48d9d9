//! The organization's own token. Only owners may read, replace or delete it.

use http::Method;
use serde_json::json;
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::{OrganizationAccess, Team};

use super::{LIST, data, problem, secret, status};
use crate::support::TestService;
use crate::support::organizations::{PLATFORM, PLATFORM_TOKEN};

#[tokio::test]
async fn organization_token_is_replaced_by_owners_only() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/authentication-token";
    let exchange = service.post("/api/v1/access-token/refresh", &acme.organization_token, json!({})).await;
    assert_eq!(exchange.failed(403), "INSUFFICIENT_SCOPE");
    problem(&service.post(path, &acme.team_token, json!({})).await, 404);
    let of_audit = format!("{path}?token=audit-trails");
    let refused = problem(&service.post(&of_audit, &acme.organization_token, json!({})).await, 400);
    assert_eq!(refused.1.as_deref(), Some("token"));
    assert_eq!(status(&service, &acme.organization_token).await, 200, "it was not replaced by one of another kind");
    let created = data(&service.post(path, &acme.organization_token, json!({})).await, 201);
    assert_eq!(created["relationships"]["created-by"]["data"], json!({"id": "acme", "type": "organizations"}));
    assert_eq!(status(&service, &acme.organization_token).await, 401);
    let token = secret(&created);
    assert_eq!(data(&service.get(path, &token).await, 200)["id"], created["id"]);
    let tokens = service.get(LIST, &token).await.ok();
    assert_eq!(tokens["meta"]["pagination"]["total-count"], 1, "it is no team's");
    assert_eq!(service.delete(path, &token).await.status, 204);
    assert_eq!(status(&service, &token).await, 401);
}

#[tokio::test]
async fn unsupported_organization_token_kinds_are_refused() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = "/api/v2/organizations/acme/authentication-token";
    for query in ["token=audit-trails", "token=organization-runs", "token=&token=audit-trails", "token%20=x&token=user"]
    {
        let other = format!("{path}?{query}");
        assert_eq!(problem(&service.get(&other, &acme.organization_token).await, 404), ("not found".to_owned(), None));
        assert_eq!(
            problem(&service.delete(&other, &acme.organization_token).await, 404),
            ("not found".to_owned(), None)
        );
        let refused = problem(&service.post(&other, &acme.organization_token, json!({})).await, 400);
        assert_eq!(refused.1.as_deref(), Some("token"), "{query}");
        assert_eq!(status(&service, &acme.organization_token).await, 200, "{query}: nothing was deleted or replaced");
    }
    data(&service.get(&format!("{path}?token="), &acme.organization_token).await, 200);
    assert_eq!(service.delete(&format!("{path}?token="), &acme.organization_token).await.status, 204);
    assert_eq!(status(&service, &acme.organization_token).await, 401);
}

#[tokio::test]
async fn team_manager_cannot_access_the_organization_token() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let own = format!("/api/v2/authentication-tokens/{}", TeamSecret::parse(&acme.organization_token).unwrap().id());
    let managers = Team {
        access: OrganizationAccess { manage_teams: true, ..OrganizationAccess::default() },
        ..service.team(&format!("{}manager1", &PLATFORM[..13]), &[])
    };
    let manager = service.team_with_token(&managers).await;
    // They do manage the tokens of teams.
    let team_token = format!("/api/v2/authentication-tokens/{PLATFORM_TOKEN}");
    assert_eq!(service.get(&team_token, &manager).await.status, 200);
    for method in [Method::GET, Method::DELETE] {
        let reply = service.call(method.clone(), &own, &manager, None).await;
        assert_eq!(problem(&reply, 404), ("not found".to_owned(), None), "{method}");
        let by_name =
            service.call(method.clone(), "/api/v2/organizations/acme/authentication-token", &manager, None).await;
        assert_eq!(by_name.status, 404, "{method}");
    }
    assert_eq!(status(&service, &acme.organization_token).await, 200);
    assert_eq!(service.get(&own, &acme.organization_token).await.status, 200);
}
