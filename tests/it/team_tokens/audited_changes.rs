//! Audit entries about tokens, teams and organizations.

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::Capability;

use super::{by_id, data, described, legacy, status};
use crate::support::TestService;
use crate::support::organizations::{Acme, PLATFORM};

/// The audit trail, oldest entry first: (action, outcome, token).
async fn trail(service: &TestService) -> Vec<[Value; 3]> {
    service.app.background.settle().await;
    let page = service.get("/api/v1/admin/audit?limit=100", &service.admin_token(&[])).await.ok();
    let entries = page["results"].as_array().unwrap().iter().rev();
    entries.map(|entry| ["action", "outcome", "token_id"].map(|member| entry[member].clone())).collect()
}

fn done(action: &str, token: &Value) -> [Value; 3] {
    [json!(action), json!("success"), token.clone()]
}

#[tokio::test]
async fn every_team_token_event_is_audited() {
    let service = TestService::new().await;
    let Acme { organization_token, team_token, .. } = service.acme().await;
    let own = json!("at-acme1111acme1111");
    let step = || service.clock.advance_ms(10);
    let replaced = data(&service.post(&legacy(), &organization_token, json!({})).await, 201);
    service.app.background.settle().await;
    step();
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let created = data(&service.post(&described(), &organization_token, body).await, 201);
    step();
    assert_eq!(status(&service, &super::secret(&created)).await, 200);
    service.app.background.settle().await;
    step();
    service.post("/api/v1/access-token/refresh", &super::secret(&created), json!({})).await.ok();
    step();
    assert_eq!(status(&service, &team_token).await, 401);
    assert_eq!(status(&service, &super::secret(&created).replace(".atlasv1.", ".atlasv2.")).await, 401);
    let secret = super::secret(&created);
    let (head, last) = secret.split_at(89);
    let wrong = format!("{head}{}", if last == "0" { "1" } else { "0" });
    assert_eq!(status(&service, &wrong).await, 401);
    step();
    assert_eq!(service.delete(&by_id(&created), &organization_token).await.status, 204);
    let mut trail = trail(&service).await;
    let expected = [
        done("team_token_used", &own),
        done("team_token_replaced", &replaced["id"]),
        done("team_token_created", &created["id"]),
        done("team_token_used", &created["id"]),
        done("key_refreshed", &created["id"]),
        [json!("team_token_used"), json!("refused"), created["id"].clone()],
        done("team_token_deleted", &created["id"]),
    ];
    trail[..2].sort_by_key(|entry| entry[0] == "team_token_replaced");
    assert_eq!(trail, expected);
}

#[tokio::test]
async fn organization_and_team_changes_are_audited() {
    let service = TestService::new().await;
    let owner = service.token(&[Capability::AccessTokenCreate]);
    let body = |attributes: Value| json!({"data": {"attributes": attributes}});
    let step = || service.clock.advance_ms(10);
    let (all, one) = ("/api/v2/organizations", "/api/v2/organizations/fresh");
    let new = body(json!({"name": "fresh", "email": "a@b.test"}));
    let organization = data(&service.post(all, &owner, new).await, 201)["attributes"]["external-id"].clone();
    step();
    let change = body(json!({"email": "c@d.test", "cost-estimation-enabled": true}));
    service.call(Method::PATCH, one, &owner, Some(change)).await.ok();
    step();
    let team = body(json!({"name": "ops", "capabilities": ["kv_store_read"]}));
    let team = data(&service.post(&format!("{one}/teams"), &owner, team).await, 200)["id"].clone();
    let path = format!("/api/v2/teams/{}", team.as_str().unwrap());
    step();
    let change = body(json!({"name": "ops", "organization-access": {"manage-teams": true}, "capabilities": []}));
    service.call(Method::PATCH, &path, &owner, Some(change)).await.ok();
    service.call(Method::PATCH, &path, &owner, Some(body(json!({"name": "ops"})))).await.ok();
    step();
    assert_eq!(service.delete(&path, &owner).await.status, 204);
    step();
    assert_eq!(service.delete(one, &owner).await.status, 204);
    let page = service.get("/api/v1/admin/audit?limit=100", &service.admin_token(&[])).await.ok();
    let entries = page["results"].as_array().unwrap().iter().rev();
    let told = entries.map(|entry| {
        assert_eq!((&entry["actor"], &entry["outcome"]), (&json!(service.user.to_string()), &json!("success")));
        assert_eq!((&entry["organization"]["id"], &entry["organization"]["name"]), (&organization, &json!("fresh")));
        let place = &entry["organization"];
        (entry["action"].as_str().unwrap().to_owned(), place["team_id"].clone(), place["changed"].clone())
    });
    let changed = json!({"email": null, "cost_estimation_enabled": "true"});
    let given = json!({"capabilities": "[\"kv_store_read\"]"});
    let taken = json!({"capabilities": "[]", "organization_access.manage_teams": "true"});
    let expected = [
        ("organization_created", Value::Null, Value::Null),
        ("organization_changed", Value::Null, changed),
        ("team_created", team.clone(), given),
        ("team_changed", team.clone(), taken),
        ("team_deleted", team, Value::Null),
        ("organization_deleted", Value::Null, Value::Null),
    ];
    let expected = expected.map(|(action, team, changed)| (action.to_owned(), team, changed));
    assert_eq!(told.collect::<Vec<_>>(), expected, "a change of nothing is none");
}

#[tokio::test]
async fn killed_change_is_audited_if_it_was_made() {
    for call in 1..=8 {
        let service = TestService::new().await;
        let Acme { organization_token, .. } = service.acme().await;
        assert_eq!(status(&service, &organization_token).await, 200);
        service.app.background.settle().await;
        let hits = service.faulty.on("*").nth(call).die_after_store();
        let body = json!({"data": {"attributes": {"capabilities": []}}});
        let path = format!("/api/v2/teams/{PLATFORM}");
        service.call(Method::PATCH, &path, &organization_token, Some(body)).await;
        service.faulty.heal();
        let shown = data(&service.get(&path, &organization_token).await, 200);
        let made = shown["attributes"]["capabilities"] == json!([]);
        let told = trail(&service).await.iter().any(|entry| entry[0] == "team_changed");
        assert_eq!(made, told, "call {call}");
        assert!(hits.count() > 0 || call > 4, "call {call}");
    }
}
