//! What is known of an installation.

use terrapi::domain::{AccountStatus, Installation, InstallationState, Millis, Seconds, Tier};

use super::{REFRESH, here, token};
use crate::support::World;

#[tokio::test]
async fn an_installation_is_written_over_but_for_when_it_was_first_seen() {
    let world = World::new().await;
    let first = world.app.store.find_installation(here()).await.unwrap().unwrap();
    let later = Installation {
        name: "renamed".into(),
        state: InstallationState::Suspended,
        account: AccountStatus::TrialEnding,
        tier: Tier { name: "trial".into(), num_users_per_month: Some(3) },
        created_at: Millis(first.created_at.0 + 1),
        trial_ends_at: Some(Seconds(1_800_000_000)),
        ..first.clone()
    };
    world.app.store.put_installation(&later).await.unwrap();
    let known = world.app.store.find_installation(here()).await.unwrap().unwrap();
    assert_eq!(known, Installation { created_at: first.created_at, ..later });
    world.app.store.put_installation(&first).await.unwrap();
    assert_eq!(world.app.store.find_installation(here()).await.unwrap(), Some(first));
}

#[tokio::test]
async fn writing_an_installation_leaves_its_running_refresh_alone() {
    let world = World::new().await;
    let task = world.post(REFRESH, &token(&world), serde_json::Value::Null).await.ok();
    world.install(12345, InstallationState::Suspended).await;
    world.install(12345, InstallationState::Installed).await;
    assert_eq!(world.post(REFRESH, &token(&world), serde_json::Value::Null).await.ok(), task);
}
