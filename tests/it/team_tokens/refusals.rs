//! Refused requests: status and error body.

use http::Method;
use serde_json::{Value, json};
use terrapi::auth::TeamSecret;
use terrapi::domain::organization::TeamTokenId;

use super::{ACCOUNT, LIST, by_id, data, described, legacy, problem, secret};
use crate::support::TestService;
use crate::support::organizations::{PLATFORM, PLATFORM_TOKEN};

#[tokio::test]
async fn every_invalid_credential_is_401() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let create = async |body: Value| secret(&data(&service.post(&legacy(), &acme.organization_token, body).await, 201));
    let expired = create(json!({"data": {"attributes": {"expired-at": "2020-01-01T00:00:00Z"}}})).await;
    let revoked = create(json!({})).await;
    create(json!({})).await;
    let other = |id: &str| TeamSecret::new(TeamTokenId::parse(id).unwrap(), [7; 48]).reveal();
    let key = service.api_key(&[]).await;
    let credentials = [
        "",
        "garbage",
        "a.atlasv1.b",
        &acme.organization_token[1..],
        &other("at-acme1111acme1111"),
        &other("at-acme1111nobody00"),
        &other("at-nowhere0nobody00"),
        &revoked,
        &expired,
        &key,
    ];
    for credential in credentials {
        for (method, path) in
            [(Method::GET, ACCOUNT.to_owned()), (Method::GET, LIST.to_owned()), (Method::POST, legacy())]
        {
            let reply = service.call(method, &path, credential, Some(json!([]))).await;
            assert_eq!(problem(&reply, 401), ("unauthorized".to_owned(), None), "{credential} {path}");
            let members: Vec<_> = reply.json()["errors"][0].as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, ["status", "title"], "{credential} {path}");
        }
    }
}

#[tokio::test]
async fn bearer_scheme_is_case_insensitive() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for scheme in ["bearer", "BEARER", "Bearer"] {
        let request = axum::extract::Request::get(ACCOUNT).header("host", "api.example.test");
        let request = request.header("authorization", format!("{scheme} {}", acme.team_token));
        assert_eq!(service.send(request.body(axum::body::Body::empty()).unwrap()).await.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn tokens_of_other_teams_are_not_found() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let mut closed = service.team("team-acme1111closed00", &[]);
    closed.allow_member_token_management = false;
    let token = service.team_with_token(&closed).await;
    let own = format!("/api/v2/authentication-tokens/at-{}", closed.id.digits());
    assert_eq!(service.get(&own, &token).await.status, 200);
    let refused = [
        (Method::DELETE, own.clone()),
        (Method::GET, format!("/api/v2/teams/{}/authentication-token", closed.id)),
        (Method::POST, format!("/api/v2/teams/{}/authentication-token", closed.id)),
        (Method::GET, legacy()),
        (Method::POST, described()),
        (Method::GET, format!("/api/v2/authentication-tokens/{PLATFORM_TOKEN}")),
        (Method::GET, format!("/api/v2/teams/{PLATFORM}")),
        (Method::PATCH, "/api/v2/organizations/acme".to_owned()),
        (Method::DELETE, "/api/v2/organizations/acme".to_owned()),
        (Method::POST, "/api/v2/organizations/acme/teams".to_owned()),
        (Method::POST, "/api/v2/organizations".to_owned()),
    ];
    for (method, path) in refused {
        // A body that is wrong, too, is not what is told about.
        let reply = service.call(method.clone(), &path, &token, Some(json!({"data": 7}))).await;
        assert_eq!(problem(&reply, 404), ("not found".to_owned(), None), "{method} {path}");
        assert_eq!(reply.json(), json!({"errors": [{"status": "404", "title": "not found"}]}));
    }
    assert_eq!(service.get(&own, &acme.team_token).await.status, 404);
    assert_eq!(service.get(&format!("/api/v2/teams/{}", closed.id), &token).await.status, 200, "its own team");
}

#[tokio::test]
async fn unknown_or_malformed_ids_are_404_without_details() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    for path in [
        "/api/v2/teams/team-acme1111nobody00/authentication-token",
        "/api/v2/teams/platform/authentication-token",
        "/api/v2/teams/%FF/authentication-token",
        "/api/v2/teams/team-acme1111p1atfor%6D0",
        "/api/v2/authentication-tokens/at-acme1111nobody00",
        "/api/v2/authentication-tokens/team-acme1111p1atform",
        "/api/v2/authentication-tokens/at-other000nobody00",
        "/api/v2/organizations/nobody/team-tokens",
        "/api/v2/organizations/no%20body/team-tokens",
        "/api/v2/organizations/acme/nothing",
        "/api/v2/nothing",
        "/api/v2/teams/",
    ] {
        let reply = service.get(path, &acme.organization_token).await;
        assert_eq!(problem(&reply, 404), ("not found".to_owned(), None), "{path}");
    }
    let decoded = service.get("/api/v2/teams/team-acme1111p1atfor%6D", &acme.organization_token).await;
    assert_eq!(decoded.status, 200, "a path is decoded once");
    problem(&service.call(Method::PUT, LIST, &acme.organization_token, None).await, 404);
}

#[tokio::test]
async fn wrong_media_type_is_415_where_a_body_is_read() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let send = async |method: Method, path: String, media_type: &str, body: &str| {
        let request = axum::extract::Request::builder().method(method).uri(path).header("host", "api.example.test");
        let request = request.header("authorization", format!("Bearer {}", acme.organization_token));
        let request = request.header("content-type", media_type);
        service.send(request.body(axum::body::Body::from(body.to_owned())).unwrap()).await
    };
    let refused = send(Method::POST, legacy(), "text/plain", "{}").await;
    assert_eq!(problem(&refused, 415).0, "unsupported media type");
    for fine in ["application/vnd.api+json", "application/JSON; charset=utf-8", "Application/vnd.api+json; ext=\"x\""] {
        assert_eq!(send(Method::POST, legacy(), fine, "{}").await.status, 201, "{fine}");
    }
    assert_eq!(send(Method::POST, legacy(), "text/plain", "").await.status, 201, "there is no body");
    assert_eq!(send(Method::GET, legacy(), "text/plain", "{").await.status, 200);
    assert_eq!(send(Method::DELETE, legacy(), "application/vnd.api+json", "null").await.status, 204);
}

#[tokio::test]
async fn responses_carry_the_api_version_and_utc_instants() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let created = data(
        &service.post(&described(), &acme.team_token, json!({"data": {"attributes": {"description": "ci"}}})).await,
        201,
    );
    service.app.background.settle().await;
    let organization = "/api/v2/organizations/acme";
    for (path, token) in [
        ("/.well-known/terraform.json", ""),
        ("/api/v2/ping", ""),
        (ACCOUNT, &acme.team_token),
        (ACCOUNT, ""),
        (LIST, &acme.team_token),
        (&by_id(&created), &acme.team_token),
        (organization, &acme.team_token),
        ("/api/v2/nothing", ""),
        ("/api/v2/organizations", &acme.team_token),
    ] {
        let reply = service.get(path, token).await;
        assert_eq!(reply.header("tfp-api-version"), Some("2.5"), "{path}");
        assert_eq!(reply.header("tfp-appname"), Some("HCP Terraform"), "{path}");
        let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
        for (at, _) in text.match_indices("-at\":\"") {
            let instant = text[at + 6..].split('"').next().unwrap();
            assert!(instant.len() == 24 && instant.ends_with('Z'), "{path}: {instant}");
        }
    }
}

#[tokio::test]
async fn discovery_finds_the_api_and_account_details_answer() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let discovery = service.get("/.well-known/terraform.json", "").await;
    assert_eq!(discovery.header("content-type"), Some("application/json"));
    let services = discovery.ok();
    assert!(services.as_object().unwrap().values().all(|path| path.as_str().unwrap().ends_with('/')), "{services}");
    assert_eq!(services["tfe.v2.2"], "/api/v2/");
    let account = service.get(ACCOUNT, &acme.team_token).await.ok();
    assert_eq!(
        account["data"]["relationships"]["authenticated-resource"]["data"],
        json!({"id": PLATFORM, "type": "teams"})
    );
    assert_eq!(account["data"]["attributes"]["is-service-account"], true);
    assert!(account["data"]["attributes"]["username"].as_str().unwrap().starts_with("api-team_"));
    let own = account["data"]["links"]["auth-token"].as_str().unwrap();
    assert_eq!(data(&service.get(own, &acme.team_token).await, 200)["id"], PLATFORM_TOKEN);
    let person = service.get(ACCOUNT, &service.token(&[terrapi::domain::Capability::AccessTokenCreate])).await.ok();
    assert_eq!(person["data"]["relationships"]["authenticated-resource"]["data"]["type"], "users");
    assert_eq!(person["data"]["attributes"]["is-service-account"], false);
}
