//! Words and shapes that stand in stored items. Types whose JSON is also sent to clients are here, so that a change of an
//! answer cannot make stored items unreadable unnoticed.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use terrapi::domain::organization::{ExecutionMode, Visibility};
use terrapi::domain::{
    AccountStatus, AuditAction, AuditChange, AuditOutcome, InstallationId, InstallationState, Namespace, Permission,
    PermissionChange, RunKind, RunState, RunType, TaskState, UserId, Vcs, Work,
};

/// Each value is stored as this JSON, and the JSON is read as the value.
fn stored<T: Serialize + DeserializeOwned + PartialEq + Debug>(pairs: impl IntoIterator<Item = (T, Value)>) {
    for (value, text) in pairs {
        assert_eq!(serde_json::to_value(&value).unwrap(), text, "{value:?} is stored in another form");
        assert_eq!(serde_json::from_value::<T>(text).unwrap(), value);
    }
}

#[test]
fn states_are_stored_as_these_words() {
    use InstallationState as I;
    stored([(Vcs::Github, "github"), (Vcs::Gitlab, "gitlab")].map(word));
    stored(
        [
            (TaskState::Pending, "pending"),
            (TaskState::Running, "running"),
            (TaskState::Completed, "completed"),
            (TaskState::Failed, "failed"),
            (TaskState::Aborted, "aborted"),
        ]
        .map(word),
    );
    stored(
        [(I::Pending, "pending"), (I::Installed, "installed"), (I::Suspended, "suspended")]
            .map(word)
            .into_iter()
            .chain([word((I::Uninstalled, "uninstalled"))]),
    );
    stored(
        [
            (AccountStatus::Active, "active"),
            (AccountStatus::TrialEnding, "trial_ending"),
            (AccountStatus::Expired, "expired"),
            (AccountStatus::Disabled, "disabled"),
        ]
        .map(word),
    );
    stored(
        [
            (RunState::Queued, "queued"),
            (RunState::Running, "running"),
            (RunState::Completed, "completed"),
            (RunState::Aborted, "aborted"),
        ]
        .map(word),
    );
    stored(
        [
            (RunType::Plan, "plan"),
            (RunType::Apply, "apply"),
            (RunType::Index, "index"),
            (RunType::BuildConfig, "build-config"),
            (RunType::BuildTree, "build-tree"),
        ]
        .map(word),
    );
    stored([(ExecutionMode::Remote, "remote"), (ExecutionMode::Local, "local")].map(word));
    stored([(Visibility::Secret, "secret"), (Visibility::Organization, "organization")].map(word));
}

#[test]
fn audit_entries_are_stored_as_these_words() {
    use AuditAction as A;
    stored([(AuditOutcome::Success, "success"), (AuditOutcome::Refused, "refused")].map(word));
    stored([(AuditChange::Granted, "granted"), (AuditChange::Revoked, "revoked")].map(word));
    stored(
        [
            (A::KeyCreated, "key_created"),
            (A::KeyDeleted, "key_deleted"),
            (A::KeyRefreshed, "key_refreshed"),
            (A::TeamTokenCreated, "team_token_created"),
            (A::TeamTokenReplaced, "team_token_replaced"),
            (A::TeamTokenDeleted, "team_token_deleted"),
            (A::TeamTokenUsed, "team_token_used"),
            (A::OrganizationCreated, "organization_created"),
            (A::OrganizationChanged, "organization_changed"),
            (A::OrganizationDeleted, "organization_deleted"),
            (A::TeamCreated, "team_created"),
            (A::TeamChanged, "team_changed"),
            (A::TeamDeleted, "team_deleted"),
            (A::Login, "login"),
            (A::Logout, "logout"),
            (A::PermissionChanged, "permission_changed"),
        ]
        .map(word),
    );
}

#[test]
fn tasks_runs_and_permissions_are_stored_in_these_shapes() {
    let namespace = Namespace { vcs: Vcs::Github, installation: InstallationId::new(12345) };
    let user = UserId::parse("0190a5d0-ac96-474b-bcce-b302099a8057").unwrap();
    stored([(Work::RefreshRepositories { generation: 3 }, json!({ "refresh_repositories": { "generation": 3 } }))]);
    stored([
        (RunKind::PullRequest { number: 7 }, json!({ "pull_request": { "number": 7 } })),
        (RunKind::Drift, json!("drift")),
        (RunKind::Index, json!("index")),
    ]);
    let member = json!({ "member": { "vcs": "github", "installation": 12345 } });
    stored([
        (Permission::Administrator, json!("administrator")),
        (Permission::Member(namespace), member.clone()),
        (Permission::TeamMember, json!("team_member")),
    ]);
    let change = PermissionChange { user, permission: Permission::Member(namespace), change: AuditChange::Revoked };
    stored([(change, json!({ "user": user.to_string(), "permission": member, "change": "revoked" }))]);
}

fn word<T>((value, word): (T, &str)) -> (T, Value) {
    (value, word.into())
}
