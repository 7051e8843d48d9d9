//! The audit trail: who did what, to which key, when, from where.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, InstallationId, KeyId, Millis, Namespace, UserId, Vcs};

/// What was done, or tried. `key_refreshed`, refused: the id is a key's, and its secret is wrong or its time over. `login`,
/// refused: a browser came back from a provider with a sign-in that is not its own, or with a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// A key was created.
    KeyCreated,
    /// A key was deleted.
    KeyDeleted,
    /// A key was exchanged for an access token. Refused: the id is a key's, and its secret is wrong or its time over.
    KeyRefreshed,
    /// A token of a team or an organization was created.
    TeamTokenCreated,
    /// A team's or an organization's legacy token was put in place of the one before.
    TeamTokenReplaced,
    /// A token of a team or an organization was deleted.
    TeamTokenDeleted,
    /// A token of a team or an organization was used: at most one entry a minute. Refused: the id is a token's, and its
    /// secret is wrong, it has expired, or no owner of its organization is a member of the installation.
    TeamTokenUsed,
    /// An organization was created, with its owners' team.
    OrganizationCreated,
    /// An organization's name, address or settings were changed.
    OrganizationChanged,
    /// An organization was deleted, with all its teams.
    OrganizationDeleted,
    /// A team was created.
    TeamCreated,
    /// A team's name, visibility, access or capabilities were changed.
    TeamChanged,
    /// A team was deleted.
    TeamDeleted,
    /// A person signed in. Refused: nobody did, and who it was is not known.
    Login,
    /// A person signed out.
    Logout,
    /// What a person may do changed: a role, belonging to an installation, or membership in a team.
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

/// A permission that a person was given, or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionChange {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub permission: Permission,
    /// Which way.
    pub change: AuditChange,
}

/// What a person may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// The administrators' routes.
    Administrator,
    /// An installation.
    Member(Namespace),
    /// A team, which the entry names.
    TeamMember,
}

/// Whether something was given or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditChange)]
pub enum AuditChange {
    /// Given.
    Granted,
    /// Taken away.
    Revoked,
}

/// The organization, and the team if it is about one, that an entry is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"id": "org-7cWmYz3DfQnR2sTb", "name": "acme", "team_id": "team-7cWmYz3DpL6xKv9H", "team": "platform",
    "changed": {"organization_access.manage_teams": "false", "visibility": "secret"}}))]
pub struct AuditedOrganization {
    /// `org-…`
    pub id: String,
    /// The organization's name at that time.
    pub name: String,
    /// `team-…`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub team_id: Option<String>,
    /// The team's name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub team: Option<String>,
    /// The attributes that changed, with their new values; capabilities as JSON. Email addresses are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(required = false)]
    pub changed: BTreeMap<String, Option<String>>,
}

/// One entry. Entries are kept for 90 days, also those of deleted keys. None holds a secret: everything is an id, one of
/// a few words, a name or setting of an organization or team, or the client's own word for itself.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// When.
    pub at: Millis,
    /// What.
    pub action: AuditAction,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// On whose behalf; none when a sign-in was refused before anybody knew whose it was.
    pub actor: Option<UserId>,
    /// The key it was about, or with which an organization or team was changed.
    pub key: Option<KeyId>,
    /// The organization or team that was changed.
    pub organization: Option<AuditedOrganization>,
    /// The key whose access token created it, if a key was created with one.
    pub created_by_key: Option<KeyId>,
    /// The installations that a deleted key was limited to: who may read its trail when the row is gone.
    pub limited_to: Option<BTreeSet<InstallationId>>,
    /// The permission that changed.
    pub subject: Option<PermissionChange>,
    /// Where a person signed in, or tried to.
    pub vcs: Option<Vcs>,
    /// What was said to whoever was refused a sign-in.
    pub reason: Option<Code>,
    /// The client's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// The client's own word for itself. The first 256 bytes are kept.
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
