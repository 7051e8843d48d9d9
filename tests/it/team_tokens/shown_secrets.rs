//! A token's secret is in one response only: that of its creation.

use http::Method;
use serde_json::json;

use super::{ACCOUNT, LIST, by_id, data, described, legacy, secret};
use crate::support::TestService;
use crate::support::faulty::Refusal;
use crate::support::log::Log;

#[tokio::test]
async fn secret_is_only_in_the_creation_response_and_not_logged() {
    let service = TestService::new().await;
    let acme = service.acme().await;
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(log.clone());
    let guard = tracing::subscriber::set_default(subscriber.finish());

    let legacy_token = data(&service.post(&legacy(), &acme.organization_token, json!({})).await, 201);
    let body = json!({"data": {"attributes": {"description": "ci"}}});
    let described_token = data(&service.post(&described(), &acme.organization_token, body.clone()).await, 201);
    let secrets =
        [secret(&legacy_token), secret(&described_token), acme.organization_token.clone(), acme.team_token.clone()];
    let mut answers = String::new();
    for token in &secrets {
        for (method, path, body) in [
            (Method::GET, ACCOUNT.to_owned(), None),
            (Method::GET, LIST.to_owned(), None),
            (Method::GET, legacy(), None),
            (Method::GET, by_id(&described_token), None),
            (Method::POST, described(), Some(body.clone())),
            (Method::POST, described(), Some(json!({"data": 1}))),
            (Method::GET, format!("/api/v2/teams/{token}"), None),
        ] {
            let reply = service.call(method, &path, token, body).await;
            answers.push_str(std::str::from_utf8(&reply.bytes).unwrap());
        }
    }
    service.faulty.on("*").refuse(Refusal::Throttling);
    assert_eq!(service.get(LIST, &acme.organization_token).await.status, 503);
    service.app.background.settle().await;
    drop(guard);
    let log = log.text();
    assert!(log.contains("request failed"), "{log}");
    for secret in &secrets {
        let random = &secret[25..];
        assert!(!answers.contains(random) && !log.contains(random), "{secret}");
    }
}
