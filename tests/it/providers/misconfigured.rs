//! A provider that is configured wrongly, and a secret that cannot be read: what does not need it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use terrapi::domain::{Administrators, InstallationId, MembershipMaxAge, Namespace, Vcs};
use terrapi::http::lambda_service;
use terrapi::runtime::ListedOrigins;
use terrapi::runtime::{App, Config, RateLimits, load_providers, load_providers_with};
use terrapi::vcs::{Pause, Providers};
use tokio::sync::Semaphore;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::TestService;
use crate::support::log::Log;
use crate::support::providers::SEALING_KEY;
use crate::support::routes::Gateway;
use crate::support::service::{KV, request, send_to};

/// The secret with both providers, as the stand-ins want it.
pub fn secret(service: &TestService) -> BTreeMap<String, Value> {
    let variables = service.github.variables().into_iter().chain(service.gitlab.variables());
    let members = variables.map(|(name, value)| (name, json!(value.reveal())));
    members.chain([("TOKEN_SEALING_KEY".to_owned(), json!(SEALING_KEY))]).collect()
}

/// A file in the service's folder that stands for the secret.
fn file(service: &TestService) -> std::path::PathBuf {
    service.blobs.path().join("providers.json")
}

fn config(service: &TestService) -> Config {
    Config {
        store: service.store_config("identity"),
        signing_keys: None,
        secrets_endpoint: None,
        issuer: "terrapi".into(),
        public_base_url: None,
        listed_origins: ListedOrigins::default(),
        provider_secret: Some(format!("file://{}", file(service).display())),
        provider_variables: BTreeMap::new(),
        rates: RateLimits::default(),
        membership_max_age: MembershipMaxAge::default(),
        administrators: Administrators::default(),
        app_name: "terrapi".into(),
        log_filter: "info".into(),
        production: true,
    }
}

/// Status and code of a route of identity.
async fn status(app: &App, path: &str) -> u16 {
    let router = lambda_service(identity::routes(), app.clone());
    let gateway = Gateway::new([("identity".to_owned(), router)].into());
    send_to(&gateway, request(Method::GET, path, "", None)).await.status.as_u16()
}

/// The providers that a secret of this text configures.
pub async fn providers_of(service: &TestService, text: &str) -> Providers {
    std::fs::write(file(service), text).unwrap();
    load_providers(&config(service)).await.unwrap()
}

/// What is logged while the providers are loaded.
async fn loaded(service: &TestService) -> (App, String) {
    let log = Log::default();
    let layer = tracing_subscriber::fmt::layer().with_writer(log.clone()).with_ansi(false);
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    let providers = load_providers(&config(service)).await.unwrap();
    (service.app.clone().with_providers(providers), log.text())
}

#[tokio::test]
async fn misconfigured_github_is_disabled_and_the_rest_works() {
    let service = TestService::new().await;
    let token = service.kv_token();
    let one_line = service.github.variables()["GITHUB_APP_PEM"].reveal().replace('\n', " ");
    // What is wrong, whose routes are gone, and what the log says.
    let cases = [
        ("GITHUB_APP_PEM", json!(null), "github", "GitHub is disabled: GITHUB_APP_PEM is not set"),
        ("GITHUB_APP_PEM", json!("MIIE"), "github", "GitHub is disabled: GITHUB_APP_PEM is not PEM"),
        ("GITHUB_APP_PEM", json!(one_line), "", ""),
        ("GITHUB_APP_ID", json!(true), "github", "GitHub is disabled: GITHUB_APP_ID is not set"),
        ("GITHUB_API_BASE_URL", json!("api"), "github", "GITHUB_API_BASE_URL is not an http(s) URL"),
        ("GITLAB_APP_SECRET", json!(""), "gitlab", "GitLab is disabled: GITLAB_APP_SECRET is not set"),
        ("TOKEN_SEALING_KEY", json!("short"), "github gitlab", "GitLab is disabled: TOKEN_SEALING_KEY is too short"),
        ("RETIRED_TOKEN_SEALING_KEY", json!("a"), "github gitlab", "RETIRED_TOKEN_SEALING_KEY is too short"),
    ];
    for (number, (member, value, gone, line)) in cases.into_iter().enumerate() {
        let mut secret = secret(&service);
        secret.insert(member.to_owned(), value);
        std::fs::write(file(&service), json!(secret).to_string()).unwrap();
        let (app, log) = loaded(&service).await;
        assert_eq!(status(&app, "/health").await, 200, "{member}");
        for vcs in ["github", "gitlab"] {
            let expected = if gone.contains(vcs) { 404 } else { 302 };
            assert_eq!(status(&app, &format!("/api/v1/{vcs}/login")).await, expected, "{member} {vcs}");
        }
        assert!(log.contains(line), "{member}: {log}");
        assert_eq!(log.contains("is disabled"), !line.is_empty(), "{member}: {log}");
        assert!(!log.contains("MIIE") && !log.contains(SEALING_KEY), "{log}");
        // The worker folds all the same.
        service.stage(&token, "k", &[json!(number)]).await;
        service.post(&format!("{KV}/commit"), &token, json!({"keys": [{"key": "k"}]})).await.ok();
        let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
        assert_eq!(app.store.fold_commits(namespace).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn secret_of_another_shape_disables_both_providers() {
    let service = TestService::new().await;
    for text in ["", "null", "[]", "GITHUB_APP_ID=1"] {
        std::fs::write(file(&service), text).unwrap();
        let (app, log) = loaded(&service).await;
        for provider in ["GitHub", "GitLab"] {
            let line = format!("{provider} is disabled: the secret of the providers is not a JSON object");
            assert!(log.contains(&line), "{log}");
        }
        assert_eq!(status(&app, "/health").await, 200);
        assert_eq!(status(&app, "/api/v1/github/login").await, 404);
    }
}

#[tokio::test]
async fn numeric_secret_member_is_accepted_as_digits() {
    let service = TestService::new().await;
    let mut secret = secret(&service);
    secret.insert("GITHUB_APP_ID".into(), json!(12345));
    std::fs::write(file(&service), json!(secret).to_string()).unwrap();
    let (app, _) = loaded(&service).await;
    assert_eq!(status(&app, "/api/v1/github/login").await, 302);
}

#[tokio::test]
async fn unreadable_secret_is_retried_until_readable() {
    let service = TestService::new().await;
    let waits = Arc::new(Semaphore::new(0));
    let held = waits.clone();
    let pause: Pause = Arc::new(move |_| {
        let held = held.clone();
        Box::pin(async move { held.acquire().await.unwrap().forget() })
    });
    let providers = load_providers_with(&config(&service), pause).await.unwrap();
    let app = service.app.clone().with_providers(providers);
    assert_eq!(status(&app, "/health").await, 200);
    for path in ["/api/v1/github/login", "/api/v1/server/config", "/api/v1/github/client_id"] {
        assert_eq!(status(&app, path).await, 503, "{path}");
    }
    waits.add_permits(1);
    while waits.available_permits() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&app, "/api/v1/github/login").await, 503, "still unreadable");
    std::fs::write(file(&service), json!(secret(&service)).to_string()).unwrap();
    waits.add_permits(1);
    while status(&app, "/api/v1/github/login").await == 503 {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(&app, "/api/v1/github/login").await, 302);
}
