//! Legacy tokens: one per team, without a description.

use axum::body::Body;
use axum::extract::Request;
use http::Method;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

use super::{by_id, data, described, legacy, problem, secret, status};
use crate::support::{Reply, TestService};

async fn create(service: &TestService, caller: &str, body: &str) -> Reply {
    let request =
        Request::builder().method(Method::POST).uri(legacy()).header(AUTHORIZATION, format!("Bearer {caller}"));
    let request = request.header(CONTENT_TYPE, "application/vnd.api+json").header("host", "api.example.test");
    service.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn known_client_bodies_create_tokens_without_expiry() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for body in [
        "",
        "{}",
        "null",
        r#"{"data": null}"#,
        r#"{"data":{"type":""}}"#,
        r#"{"data":{"type":null}}"#,
        r#"{"data":{"type":"authentication-token","attributes":{}}}"#,
        r#"{"data":{"type":"authentication-tokens","attributes":null}}"#,
        r#"{"data":{"attributes":{"expired-at":null,"description":"ignored","other":1}},"more":[]}"#,
    ] {
        let created = data(&create(&service, &acme.organization_token, body).await, 201);
        assert_eq!(created["type"], "authentication-tokens", "{body}");
        assert_eq!(created["attributes"]["expired-at"], Value::Null, "{body}");
        assert_eq!(created["attributes"]["description"], Value::Null, "{body}");
        assert_eq!(status(&service, &secret(&created)).await, 200, "{body}");
    }
}

#[tokio::test]
async fn past_expiry_is_accepted_and_the_token_refused() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let sample = r#"{"data":{"type":"authentication-token","attributes":{"expired-at":"2023-04-06T12:00:00.000Z"}}}"#;
    let created = data(&create(&service, &acme.organization_token, sample).await, 201);
    assert_eq!(created["attributes"]["expired-at"], "2023-04-06T12:00:00.000Z");
    assert_eq!(status(&service, &secret(&created)).await, 401);
    let shown = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    assert_eq!(shown["id"], created["id"], "it is there until it is deleted");
}

#[tokio::test]
async fn legacy_creation_replaces_only_the_legacy_token() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let other = data(&service.post(&described(), &acme.organization_token, body).await, 201);
    let first = data(&create(&service, &acme.organization_token, "{}").await, 201);
    assert_eq!(status(&service, &secret(&first)).await, 200);
    let second = data(&create(&service, &acme.organization_token, "{}").await, 201);
    assert_ne!((&first["id"], secret(&first)), (&second["id"], secret(&second)));
    assert_eq!(status(&service, &secret(&first)).await, 401);
    assert_eq!(problem(&service.get(&by_id(&first), &acme.organization_token).await, 404).0, "not found");
    for living in [&second, &other] {
        assert_eq!(status(&service, &secret(living)).await, 200);
        data(&service.get(&by_id(living), &acme.organization_token).await, 200);
    }
}

#[tokio::test]
async fn invalid_payload_is_refused_with_a_pointer() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let before = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    let ends = [
        json!("2027-04-06"),
        json!(""),
        json!("2027-02-30T00:00:00Z"),
        json!("tomorrow"),
        json!(1),
        json!(true),
        json!({}),
        json!([]),
    ];
    let expired_at = |end: &Value| json!({"data": {"attributes": {"expired-at": end}}}).to_string();
    let mut table: Vec<_> =
        ends.iter().map(|end| (expired_at(end), 422, Some("/data/attributes/expired-at"))).collect();
    table.extend([
        (r#"{"data":{"type":"teams"}}"#.to_owned(), 422, Some("/data/type")),
        (r#"{"data":{"type":7}}"#.to_owned(), 422, Some("/data/type")),
        (r#"{"data":[]}"#.to_owned(), 422, Some("/data")),
        (r#"{"data":{"attributes":"a"}}"#.to_owned(), 422, Some("/data/attributes")),
        ("{".to_owned(), 400, None),
        ("[]".to_owned(), 400, None),
        ("7".to_owned(), 400, None),
    ]);
    for (body, code, place) in table {
        let reply = create(&service, &acme.organization_token, &body).await;
        let title = if code == 422 { "invalid attribute" } else { "bad request" };
        assert_eq!(problem(&reply, code), (title.to_owned(), place.map(str::to_owned)), "{body}");
    }
    let after = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    assert_eq!(before["id"], after["id"]);
    assert_eq!(status(&service, &acme.team_token).await, 200, "the token before still works");
}

#[tokio::test]
async fn expiry_is_returned_in_utc_with_milliseconds() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for (sent, shown) in [
        ("2027-04-06T12:00:00Z", "2027-04-06T12:00:00.000Z"),
        ("2027-04-06T12:00:00", "2027-04-06T12:00:00.000Z"),
        ("2027-04-06T12:00:00.123456", "2027-04-06T12:00:00.123Z"),
        ("2027-04-06T12:00:00+02:00", "2027-04-06T10:00:00.000Z"),
    ] {
        let body = json!({"data": {"attributes": {"expired-at": sent}}}).to_string();
        let created = data(&create(&service, &acme.organization_token, &body).await, 201);
        assert_eq!(created["attributes"]["expired-at"], shown, "{sent}");
    }
}

#[tokio::test]
async fn token_is_equal_by_team_and_by_id_and_hides_its_secret() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let created = data(&create(&service, &acme.team_token, "{}").await, 201);
    let by_team = data(&service.get(&legacy(), &acme.organization_token).await, 200);
    assert_eq!(by_team, data(&service.get(&by_id(&created), &acme.organization_token).await, 200));
    let names: Vec<_> = by_team["attributes"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["created-at", "description", "expired-at", "last-used-at", "token"]);
    assert_eq!(by_team["attributes"]["token"], Value::Null);
    assert_eq!(by_team["relationships"]["team"]["data"], json!({"id": acme.platform.id.to_string(), "type": "teams"}));
    let creator = &by_team["relationships"]["created-by"]["data"];
    assert_eq!(*creator, json!({"id": acme.platform.id.to_string(), "type": "teams"}), "a team's own token created it");
}

#[tokio::test]
async fn deleted_token_is_gone_from_every_route() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let created = data(&create(&service, &acme.organization_token, "{}").await, 201);
    let deleted = service.delete(&legacy(), &acme.organization_token).await;
    assert_eq!((deleted.status.as_u16(), deleted.bytes.len(), deleted.header("content-type")), (204, 0, None));
    assert_eq!(status(&service, &secret(&created)).await, 401);
    for (method, path) in [(Method::GET, legacy()), (Method::GET, by_id(&created)), (Method::DELETE, legacy())] {
        problem(&service.call(method, &path, &acme.organization_token, None).await, 404);
    }
}
