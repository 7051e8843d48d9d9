//! What unauthenticated clients may know about the providers.

use http::Method;
use serde_json::json;
use terrapi::http::lambda_service;
use terrapi::vcs::Providers;

use crate::support::TestService;
use crate::support::routes::Gateway;
use crate::support::service::{request, send_to};

#[tokio::test]
async fn discovery_lists_both_providers_without_secrets() {
    let service = TestService::new().await;
    let config = service.get("/api/v1/server/config", "").await.ok();
    let (github, gitlab) = (service.github.origin(), service.gitlab.origin());
    let expected = json!({
        "github": {
            "api_base_url": github, "web_base_url": github, "app_client_id": "Iv1.stand-in",
        },
        "gitlab": {
            "api_base_url": gitlab, "web_base_url": gitlab, "app_id": "gitlab-stand-in",
            "redirect_url": "https://api.example.test/api/v1/gitlab/callback",
        },
    });
    assert_eq!(config, expected);
    let client_id = service.get("/api/v1/github/client_id", "").await.ok();
    assert_eq!(client_id, json!({"client_id": "Iv1.stand-in"}));
}

#[tokio::test]
async fn unconfigured_provider_is_not_listed() {
    let service = TestService::new().await;
    let app = service.app.clone().with_providers(Providers::default());
    let gateway = Gateway::new([("identity".to_owned(), lambda_service(identity::routes(), app))].into());
    let get = async |path| send_to(&gateway, request(Method::GET, path, "", None)).await;
    assert_eq!(get("/api/v1/server/config").await.ok(), json!({}));
    assert_eq!(get("/api/v1/github/client_id").await.failed(404), "NOT_FOUND");
}
