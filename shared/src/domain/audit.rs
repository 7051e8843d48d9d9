//! The audit trail: who did what to which key, when, from where.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeyId, Millis, UserId};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// A key was created.
    KeyCreated,
    /// A key was deleted.
    KeyDeleted,
    /// A key was exchanged for an access token.
    KeyRefreshed,
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

/// One entry. Entries are kept for 90 days, also those of deleted keys.
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
    /// The key it was about.
    pub key: KeyId,
    /// The client's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// The client's own word for itself.
    pub user_agent: Option<String>,
}
