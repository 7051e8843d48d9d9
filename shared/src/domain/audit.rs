//! The audit trail: who did what, to which key, when, from where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeyId, Millis, UserId};

/// What was done, or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// A key was created.
    KeyCreated,
    /// A key was deleted.
    KeyDeleted,
    /// A key was exchanged for an access token. Refused: the id is a key's, and its secret is wrong or its time over.
    KeyRefreshed,
    /// A person signed in.
    Login,
    /// A person signed out.
    Logout,
    /// What a person may do changed: a role, or belonging to an installation.
    PermissionChanged,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was refused.
    Refused,
}

/// One entry. Entries are kept for 90 days, also those of deleted keys. None holds a secret: everything but the client's
/// own word for itself is an id or one of a few words.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// What.
    pub action: AuditAction,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// On whose behalf.
    pub actor: UserId,
    /// The key it was about; none when it was about the actor.
    pub key: Option<KeyId>,
    /// The client's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// The client's own word for itself.
    pub user_agent: Option<String>,
}

/// Which entries a listing shows: those that fit everything named here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this key.
    pub key: Option<KeyId>,
    /// On behalf of this person.
    pub actor: Option<UserId>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// That ended so.
    pub outcome: Option<AuditOutcome>,
    /// From this instant on.
    pub from: Option<Millis>,
    /// Before this instant.
    pub to: Option<Millis>,
}
