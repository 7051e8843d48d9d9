//! Reads from GitHub.

use std::sync::Arc;

use terrapi::auth::SealingKeys;
use terrapi::domain::{
    AccountKind, InstallationId, Profile, ProviderInstallation, ProviderRepository, SecretText, Vcs,
};
use terrapi::vcs::{Failure, InstallationAccess, Provider, ProviderConfig, Providers, real_pause};

use crate::support::TestService;
use crate::support::github::Installation;
use crate::support::providers::{PATIENT, SEALING_KEY};

const OCTOCAT: u64 = 583_231;

fn github(service: &TestService) -> &dyn Provider {
    service.app.providers.get(Vcs::Github).unwrap()
}

fn access(service: &TestService, installation: u64) -> InstallationAccess<'static> {
    InstallationAccess { installation: InstallationId::new(installation), token: None, now: service.app.clock.now() }
}

fn repository(id: u64, name: &str) -> ProviderRepository {
    ProviderRepository {
        id,
        owner: "acme".into(),
        name: name.into(),
        default_branch: Some("main".into()),
        archived: false,
    }
}

fn octocat() -> Profile {
    Profile { id: OCTOCAT, login: "octocat".into(), name: None, email: None, avatar_url: None }
}

#[tokio::test]
async fn installations_of_a_user_are_listed_across_pages() {
    let service = TestService::new().await;
    service.github.hub(|hub| {
        for id in 1..=230 {
            let installation = Installation::of(&format!("org-{id}"), "Organization").with_member(OCTOCAT);
            hub.installations.insert(id, installation);
        }
        hub.installations.insert(999, Installation::of("foreign", "Organization"));
        hub.installation(12345).suspended = true;
    });
    let tokens = service.github.tokens(OCTOCAT);
    let listed = github(&service).installations_of_user(&tokens.access).await.unwrap();
    assert_eq!(listed.len(), 232);
    let find = |id| listed.iter().find(|each| each.id == InstallationId::new(id));
    let acme = ProviderInstallation {
        id: InstallationId::new(12345),
        name: "acme".into(),
        account: AccountKind::Organization,
        suspended: true,
    };
    assert_eq!(find(12345), Some(&acme));
    assert_eq!(find(67890).map(|own| (own.account, own.suspended)), Some((AccountKind::User, false)));
    assert_eq!(find(999), None);
    assert_eq!(service.github.desk().take_seen(), ["GET /user/installations"; 3]);
}

#[tokio::test]
async fn repository_pages_share_one_installation_token() {
    let service = TestService::new().await;
    service.github.hub(|hub| {
        for id in 1..=101 {
            hub.installation(12345).add(id, &format!("repo-{id}"));
        }
    });
    let first = github(&service).repositories(access(&service, 12345), 1).await.unwrap();
    assert_eq!((first.repositories.len(), first.next), (100, Some(2)));
    assert_eq!(first.repositories[0], repository(1, "repo-1"));
    let second = github(&service).repositories(access(&service, 12345), 2).await.unwrap();
    assert_eq!((second.repositories.len(), second.next), (1, None));
    let token = "POST /app/installations/{installation_id}/access_tokens";
    let expected = [token, "GET /installation/repositories", "GET /installation/repositories"];
    assert_eq!(service.github.desk().take_seen(), expected);
}

#[tokio::test]
async fn installation_token_is_replaced_a_minute_before_expiry() {
    let service = TestService::new().await;
    let listing = async || github(&service).repositories(access(&service, 12345), 1).await.unwrap();
    listing().await;
    service.clock.advance_ms(3_539_000);
    listing().await;
    assert_eq!(service.github.desk().take_seen().len(), 3);
    service.clock.advance_ms(1_000);
    listing().await;
    assert_eq!(service.github.desk().take_seen().len(), 2);
}

#[tokio::test]
async fn revoked_installation_token_is_replaced() {
    let service = TestService::new().await;
    github(&service).repositories(access(&service, 12345), 1).await.unwrap();
    service.github.hub(|hub| hub.installation_tokens.clear());
    github(&service).repositories(access(&service, 12345), 1).await.unwrap();
    assert_eq!(service.github.desk().take_seen().len(), 5);
}

#[tokio::test]
async fn deleted_installation_is_404_and_a_suspended_one_is_403() {
    let service = TestService::new().await;
    service.github.hub(|hub| hub.installation(67890).suspended = true);
    let gone = github(&service).repositories(access(&service, 1), 1).await;
    assert!(matches!(gone, Err(Failure::NotFound)), "{gone:?}");
    let suspended = github(&service).repositories(access(&service, 67890), 1).await;
    assert!(matches!(suspended, Err(Failure::Forbidden)), "{suspended:?}");
}

#[tokio::test]
async fn repository_files_are_read() {
    let service = TestService::new().await;
    let workflow = ".github/workflows/terrateam.yml";
    service.github.hub(|hub| {
        hub.installation(12345).add(1, "with space").files.insert(workflow.into());
        hub.installation(12345).add(2, "bare");
    });
    let has =
        async |id, name| github(&service).has_file(access(&service, 12345), &repository(id, name), workflow).await;
    assert!(has(1, "with space").await.unwrap());
    assert!(!has(2, "bare").await.unwrap());
    assert!(!has(3, "unknown").await.unwrap());
}

#[tokio::test]
async fn repository_is_identified_by_number_not_name() {
    let service = TestService::new().await;
    service.github.hub(|hub| hub.installation(12345).add(1, "infra").archived = true);
    let now = github(&service).repository(access(&service, 12345), &repository(1, "infra")).await.unwrap();
    assert!(now.archived);
    let another = github(&service).repository(access(&service, 12345), &repository(2, "infra")).await;
    assert!(matches!(another, Err(Failure::NotFound)), "{another:?}");
}

#[tokio::test]
async fn github_administrator_needs_role_user_id_and_login() {
    let service = TestService::new().await;
    let is = async |person: Profile| {
        let of = repository(1, "infra");
        github(&service).is_administrator(access(&service, 12345), &of, &person).await.unwrap()
    };
    assert!(!is(octocat()).await, "a member");
    service.github.hub(|hub| hub.installation(12345).administrators.insert(OCTOCAT));
    assert!(is(octocat()).await);
    assert!(!is(Profile { id: 7, ..octocat() }).await, "who had the login before");
    assert!(!is(Profile { login: "stranger".into(), ..octocat() }).await);
}

#[tokio::test]
async fn refused_app_key_is_not_a_client_error() {
    let service = TestService::new().await;
    let mut variables = service.github.variables();
    variables.insert("GITHUB_APP_ID".into(), SecretText::new("1".into()));
    let config = ProviderConfig::read(&variables);
    let sealing = Ok(Arc::new(SealingKeys::new(&SecretText::new(SEALING_KEY.into()), None).unwrap()));
    let providers = Providers::new(config, sealing, PATIENT, real_pause()).unwrap();
    let answer = providers.get(Vcs::Github).unwrap().repositories(access(&service, 12345), 1).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))), "{answer:?}");
}
