//! The flow from a new team to a record written with its token.

use serde_json::json;

use crate::support::TestService;
use crate::support::organizations::{ACME, PLATFORM};
use crate::support::service::KV;

#[tokio::test]
async fn team_token_is_created_listed_and_exchanged() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let path = format!("/api/v2/teams/{PLATFORM}/authentication-token");
    let created = service.post(&path, &acme.organization_token, json!({})).await;
    assert_eq!(created.status, 201, "{created:?}");
    let (id, secret) = (created.json()["data"]["id"].clone(), created.json()["data"]["attributes"]["token"].clone());
    let list = service.get(&format!("/api/v2/organizations/{ACME}/team-tokens"), &acme.organization_token).await.ok();
    assert_eq!(list["data"][0]["id"], id);
    assert_eq!(list["meta"]["pagination"]["total-count"], 1);
    assert_eq!(service.get("/api/v2/account/details", &acme.team_token).await.status, 401, "it was replaced");

    let secret = secret.as_str().unwrap();
    let grant = service.post("/api/v1/access-token/refresh", secret, json!({})).await.ok();
    let token = grant["access_token"].as_str().unwrap();
    service.put(&format!("{KV}/key/plan"), token, json!({"data": "by a team"})).await.ok();
    assert_eq!(service.get(&format!("{KV}/key/plan"), token).await.ok()["data"], "by a team");
    let elsewhere = service.get("/api/v1/github/kv/67890/key/plan", token).await;
    assert_eq!(elsewhere.failed(403), "INSTALLATION_FORBIDDEN");
    let keys = service.get("/api/v1/github/access-token", token).await;
    assert_eq!(keys.failed(403), "INSUFFICIENT_SCOPE");
}
