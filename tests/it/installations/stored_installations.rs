//! What is stored about an installation.

use terrapi::domain::{AccountStatus, Installation, InstallationState, Millis, Seconds, Tier};

use super::{INSTALLATION, REFRESH, token};
use crate::support::TestService;

#[tokio::test]
async fn overwritten_installation_keeps_its_creation_time() {
    let service = TestService::new().await;
    let first = service.app.store.find_installation(INSTALLATION).await.unwrap().unwrap();
    let later = Installation {
        name: "renamed".into(),
        state: InstallationState::Suspended,
        account: AccountStatus::TrialEnding,
        tier: Tier { name: "trial".into(), num_users_per_month: Some(3) },
        created_at: Millis(first.created_at.0 + 1),
        trial_ends_at: Some(Seconds(1_800_000_000)),
        ..first.clone()
    };
    service.app.store.put_installation(&later).await.unwrap();
    let known = service.app.store.find_installation(INSTALLATION).await.unwrap().unwrap();
    assert_eq!(known, Installation { created_at: first.created_at, ..later });
    service.app.store.put_installation(&first).await.unwrap();
    assert_eq!(service.app.store.find_installation(INSTALLATION).await.unwrap(), Some(first));
}

#[tokio::test]
async fn writing_an_installation_leaves_its_running_refresh_alone() {
    let service = TestService::new().await;
    let task = service.post(REFRESH, &token(&service), serde_json::Value::Null).await.ok();
    service.install(12345, InstallationState::Suspended).await;
    service.install(12345, InstallationState::Installed).await;
    assert_eq!(service.post(REFRESH, &token(&service), serde_json::Value::Null).await.ok(), task);
}
