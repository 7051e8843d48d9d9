//! The service's user as a user of a provider.

use serde_json::Value;
use terrapi::domain::{Identity, Profile, UserTokens, Vcs};

use super::TestService;

/// The user's id at GitHub.
pub const OCTOCAT: u64 = 583_231;
/// The user's id at GitLab.
pub const TANUKI: u64 = 77;

/// A service whose user has signed in with a provider, as octocat or tanuki.
pub async fn signed_in(vcs: Vcs) -> TestService {
    let service = TestService::new().await;
    let tokens = match vcs {
        Vcs::Github => service.github.tokens(OCTOCAT),
        Vcs::Gitlab => service.gitlab.tokens(TANUKI),
    };
    store_identity(&service, vcs, &tokens).await;
    service.faulty.ledger().take();
    service
}

/// Stores what a sign-in stores of the user: the identity with its tokens.
pub async fn store_identity(service: &TestService, vcs: Vcs, tokens: &UserTokens) {
    let id = if vcs == Vcs::Github { OCTOCAT } else { TANUKI };
    let profile = Profile { id, login: "somebody".into(), name: None, email: None, avatar_url: None };
    let sealed = service.app.seal(vcs, id, tokens).unwrap();
    let identity = Identity { vcs, user: service.user, profile };
    assert!(service.app.store.put_identity(&identity, Some(&sealed), true, None).await.unwrap());
}

/// The audited permission changes, oldest first: (actor, installation, change).
pub async fn permission_changes(service: &TestService) -> Vec<(Value, Value, Value)> {
    let trail = service.get("/api/v1/admin/audit?action=permission_changed", &service.admin_token(&[])).await.ok();
    let entries = trail["results"].as_array().unwrap().iter().rev();
    let told = |entry: &Value| {
        let subject = &entry["subject"];
        (entry["actor"].clone(), subject["installation_id"].clone(), subject["change"].clone())
    };
    entries.map(told).collect()
}
