//! Team tokens with a description.

use http::Method;
use serde_json::{Value, json};

use super::{LIST, by_id, data, described, legacy, problem, secret, status};
use crate::support::TestService;

fn named(description: &Value) -> Value {
    json!({"data": {"type": "authentication-tokens", "attributes": {"description": description}}})
}

#[tokio::test]
async fn described_and_legacy_tokens_coexist() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let mut secrets = vec![acme.team_token.clone()];
    for description in ["deploy pipeline", ""] {
        let created =
            data(&service.post(&described(), &acme.organization_token, named(&json!(description))).await, 201);
        assert_eq!(created["attributes"]["description"], description);
        let shown = data(&service.get(&by_id(&created), &acme.organization_token).await, 200);
        assert_eq!(shown["attributes"]["description"], description);
        secrets.push(secret(&created));
    }
    for secret in secrets {
        assert_eq!(status(&service, &secret).await, 200);
    }
    let legacy = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    assert_eq!(legacy["attributes"]["description"], Value::Null);
    assert_eq!(service.get(LIST, &acme.organization_token).await.ok()["meta"]["pagination"]["total-count"], 3);
}

#[tokio::test]
async fn description_is_reusable_after_its_token_is_deleted() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let body = named(&json!("ci"));
    let first = data(&service.post(&described(), &acme.organization_token, body.clone()).await, 201);
    let taken = service.post(&described(), &acme.organization_token, body.clone()).await;
    assert_eq!(problem(&taken, 422), ("invalid attributes".to_owned(), None));
    assert_eq!(taken.json()["errors"][0]["detail"], "Validation failed: Description has already been taken");
    data(&service.post(&described(), &acme.organization_token, named(&json!("CI"))).await, 201);
    let other = service.team("team-acme1111another0", &[]);
    let other_token = service.team_with_token(&other).await;
    let path = format!("/api/v2/teams/{}/authentication-tokens", other.id);
    data(&service.post(&path, &other_token, body.clone()).await, 201);
    assert_eq!(service.delete(&by_id(&first), &acme.organization_token).await.status, 204);
    data(&service.post(&described(), &acme.organization_token, body).await, 201);
}

#[tokio::test]
async fn description_must_be_a_string_of_up_to_255_characters() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for bad in [Value::Null, json!(7), json!({}), json!("a".repeat(256))] {
        let reply = service.post(&described(), &acme.organization_token, named(&bad)).await;
        let place = Some("/data/attributes/description".to_owned());
        assert_eq!(problem(&reply, 422), ("invalid attribute".to_owned(), place), "{bad}");
    }
    let missing = service.post(&described(), &acme.organization_token, json!({})).await;
    assert_eq!(problem(&missing, 422).1.as_deref(), Some("/data/attributes/description"));
    data(&service.post(&described(), &acme.organization_token, named(&json!("ä".repeat(255)))).await, 201);
}

#[tokio::test]
async fn tokens_are_deleted_only_by_their_own_id_path() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let described = data(&service.post(&described(), &acme.organization_token, named(&json!("ci"))).await, 201);
    let id = described["id"].as_str().unwrap();
    let misplaced = format!("/api/v2/teams/{id}/authentication-token");
    for method in [Method::GET, Method::DELETE, Method::POST] {
        problem(&service.call(method, &misplaced, &acme.organization_token, None).await, 404);
    }
    assert_eq!(status(&service, &secret(&described)).await, 200);
    let legacy = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    for token in [&described, &legacy] {
        assert_eq!(service.delete(&by_id(token), &acme.organization_token).await.status, 204);
        problem(&service.delete(&by_id(token), &acme.organization_token).await, 404);
        problem(&service.get(&by_id(token), &acme.organization_token).await, 404);
    }
    assert_eq!(status(&service, &secret(&described)).await, 401);
    assert_eq!(status(&service, &acme.team_token).await, 401);
    let created = data(&service.post(&super::legacy(), &acme.organization_token, json!({})).await, 201);
    assert_eq!(status(&service, &secret(&created)).await, 200, "a team without a token gets a new one");
}
