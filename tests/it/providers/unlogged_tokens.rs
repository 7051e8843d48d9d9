//! Secrets do not appear in debug output or logs.

use terrapi::domain::{InstallationId, Vcs};
use terrapi::vcs::{InstallationAccess, ProviderConfig};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::support::TestService;
use crate::support::log::Log;
use crate::support::stand_in::Fault;

#[tokio::test]
async fn settings_show_no_secret() {
    let service = TestService::new().await;
    let mut variables = service.github.variables();
    variables.extend(service.gitlab.variables());
    let shown = format!("{variables:?} {:?} {:?}", ProviderConfig::read(&variables), service.app.providers);
    for secret in ["github-client-secret", "gitlab-app-secret", "glpat", "PRIVATE KEY"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn provider_calls_log_no_token() {
    let service = TestService::new().await;
    let log = Log::default();
    let layer = tracing_subscriber::fmt::layer().with_writer(log.clone()).with_ansi(false);
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    tracing::info!("it listens");

    let github = service.app.providers.get(Vcs::Github).unwrap();
    let tokens = service.github.tokens(583_231);
    github.profile(&tokens.access).await.unwrap();
    let access =
        InstallationAccess { installation: InstallationId::new(12345), token: None, now: service.app.clock.now() };
    github.repositories(access, 1).await.unwrap();
    service.github.desk().fail("GET /user", [Fault::Answer(500, vec![])]);
    let failure = github.profile(&tokens.access).await.unwrap_err();
    tracing::error!(?failure, "as a boundary logs it");

    let text = log.text();
    assert!(text.contains("it listens") && text.contains("the provider answered 500"), "{text}");
    for secret in ["ghu_", "ghr_", "ghs_", "Bearer", "eyJ"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}
