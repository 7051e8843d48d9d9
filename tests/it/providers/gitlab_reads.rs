//! Reads from GitLab.

use terrapi::domain::{InstallationId, Profile, ProviderRepository, SecretText, Vcs};
use terrapi::vcs::{Failure, InstallationAccess, Provider};

use crate::support::TestService;
use crate::support::gitlab::{BOT, Group};

const TANUKI: u64 = 77;
const PLATFORM: InstallationId = InstallationId::new(555);

fn gitlab(service: &TestService) -> &dyn Provider {
    service.app.providers.get(Vcs::Gitlab).unwrap()
}

fn access<'a>(service: &TestService, token: Option<&'a SecretText>) -> InstallationAccess<'a> {
    InstallationAccess { installation: PLATFORM, token, now: service.app.clock.now() }
}

fn project(id: u64) -> ProviderRepository {
    ProviderRepository {
        id,
        owner: "platform".into(),
        name: "infra".into(),
        default_branch: Some("main".into()),
        archived: false,
    }
}

#[tokio::test]
async fn only_groups_the_user_belongs_to_are_listed_by_name() {
    let service = TestService::new().await;
    service.gitlab.lab(|lab| {
        for id in 1..=120 {
            lab.groups.insert(id, Group::named(&format!("group-{id:03}")).with_member(TANUKI, 10));
        }
        lab.groups.insert(999, Group::named("public"));
    });
    let tokens = service.gitlab.tokens(TANUKI);
    let groups = gitlab(&service).installations_of_user(&tokens.access).await.unwrap();
    assert_eq!(groups.len(), 121);
    assert!(groups.is_sorted_by_key(|group| group.name.clone()));
    assert_eq!(groups[120].id, PLATFORM);
    assert_eq!(service.gitlab.desk().take_seen(), ["GET /api/v4/groups"; 2]);
}

#[tokio::test]
async fn access_level_is_of_the_group_and_none_for_a_non_member() {
    let service = TestService::new().await;
    let tokens = service.gitlab.tokens(TANUKI);
    let level = async |person| {
        service.app.providers.groups().unwrap().group_access_level(&tokens.access, PLATFORM, person).await
    };
    assert_eq!(level(TANUKI).await.unwrap(), 50);
    assert!(matches!(level(BOT).await, Err(Failure::NotFound)));
    assert_eq!(service.app.providers.groups().unwrap().group_name(&tokens.access, PLATFORM).await.unwrap(), "platform");
}

#[tokio::test]
async fn projects_are_read_with_the_group_or_service_token() {
    let service = TestService::new().await;
    service.gitlab.lab(|lab| {
        for id in 1..=130 {
            lab.group(555).add(id, "infra");
        }
        lab.group(555).members.insert(BOT, 30);
        lab.tokens.insert("glpat-group".into(), BOT);
    });
    let token = SecretText::new("glpat-group".into());
    let first = gitlab(&service).repositories(access(&service, Some(&token)), 1).await.unwrap();
    assert_eq!((first.repositories.len(), first.next), (100, Some(2)));
    assert_eq!(first.repositories[0], project(1));
    let second = gitlab(&service).repositories(access(&service, None), 2).await.unwrap();
    assert_eq!((second.repositories.len(), second.next), (30, None));
    let wrong = SecretText::new("glpat-revoked".into());
    let refused = gitlab(&service).repositories(access(&service, Some(&wrong)), 1).await;
    assert!(matches!(refused, Err(Failure::Rejected)), "{refused:?}");
}

#[tokio::test]
async fn project_and_its_files_are_read() {
    let service = TestService::new().await;
    service.gitlab.lab(|lab| {
        let project = lab.group(555).add(1, "infra");
        project.files.insert(".gitlab/ci one.yml".into());
        project.archived = true;
    });
    let has = async |id, path| gitlab(&service).has_file(access(&service, None), &project(id), path).await.unwrap();
    assert!(has(1, ".gitlab/ci one.yml").await);
    assert!(!has(1, ".gitlab-ci.yml").await);
    assert!(!has(2, ".gitlab-ci.yml").await);
    assert!(gitlab(&service).repository(access(&service, None), &project(1)).await.unwrap().archived);
}

#[tokio::test]
async fn maintainers_and_owners_administer_a_group() {
    let service = TestService::new().await;
    let person = Profile { id: TANUKI, login: "tanuki".into(), name: None, email: None, avatar_url: None };
    for (level, administers) in [(10, false), (30, false), (40, true), (50, true)] {
        service.gitlab.lab(|lab| lab.group(555).members.insert(TANUKI, level));
        let answer = gitlab(&service).is_administrator(access(&service, None), &project(1), &person).await;
        assert_eq!(answer.unwrap(), administers, "{level}");
    }
    service.gitlab.lab(|lab| lab.group(555).members.clear());
    assert!(!gitlab(&service).is_administrator(access(&service, None), &project(1), &person).await.unwrap());
}

#[tokio::test]
async fn service_account_is_identified() {
    let service = TestService::new().await;
    let own = service.app.providers.groups().unwrap().own_account().await.unwrap();
    assert_eq!((own.id, own.login.as_str()), (BOT, "terrapi-bot"));
}
