//! The audit trail: who did what, to which key, organization or person, when and from where.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Code, InstallationId, KeyId, Millis, Namespace, UserId, Vcs};

/// What was done, or tried. `key_refreshed`, refused: the id is a key's, and its secret is wrong or its time over.
/// `login`, refused: a browser came back from a provider with a sign-in that is not its own, or with a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    KeyCreated,
    KeyDeleted,
    /// A key was exchanged for an access token. Refused: the key exists, but the secret was wrong or the key has
    /// expired.
    KeyRefreshed,
    /// A token of a team or an organization was created.
    TeamTokenCreated,
    /// The legacy token of a team or organization was replaced by a new one.
    TeamTokenReplaced,
    /// A token of a team or an organization was deleted.
    TeamTokenDeleted,
    /// A token of a team or organization was used; at most one entry a minute. Refused: the token exists, but the
    /// secret was wrong, it has expired, or no owner of its organization is a member of the installation.
    TeamTokenUsed,
    /// An organization was created, with its owners' team.
    OrganizationCreated,
    /// An organization's name, address or settings were changed.
    OrganizationChanged,
    /// An organization was deleted, with all its teams.
    OrganizationDeleted,
    TeamCreated,
    /// A team's name, visibility, access or capabilities were changed.
    TeamChanged,
    TeamDeleted,
    /// A person signed in. Refused: a sign-in failed, and it is not known whose it was.
    Login,
    Logout,
    /// A person's permission was granted or revoked: being an administrator, belonging to an installation, being in a
    /// team.
    PermissionChanged,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// The action was carried out.
    Success,
    /// The action was refused, and changed nothing.
    Refused,
}

/// A permission that was granted to a person, or revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionChange {
    /// The person whose permission changed.
    pub user: UserId,
    pub permission: Permission,
    /// Whether it was granted or revoked.
    pub change: AuditChange,
}

/// A permission of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Using the administrators' routes.
    Administrator,
    /// Belonging to this installation.
    Member(Namespace),
    /// Being in a team. The entry's `organization` names it.
    TeamMember,
}

/// Whether something was given or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AuditChange)]
pub enum AuditChange {
    /// The person has it from now on.
    Granted,
    /// The person no longer has it.
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

/// One entry of the audit trail. Entries are kept for 90 days, including those of deleted keys.
///
/// An entry contains no secret: only ids, words of a closed list, names and settings of organizations and teams, and
/// the client's user agent.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The time of the request.
    pub at: Millis,
    /// What was done or tried.
    pub action: AuditAction,
    /// Whether it was carried out.
    pub outcome: AuditOutcome,
    /// The person on whose behalf it was done. `None` for the service itself, and for a refused sign-in, whose person
    /// is not known.
    pub actor: Option<UserId>,
    /// The key that it was about, or with which an organization or team was changed.
    pub key: Option<KeyId>,
    /// The organization or team that was changed.
    pub organization: Option<AuditedOrganization>,
    /// If a key was created with an access token: the key behind that token.
    pub created_by_key: Option<KeyId>,
    /// The installations that a deleted key was limited to. They decide who may read its trail after its row is gone.
    pub limited_to: Option<BTreeSet<InstallationId>>,
    pub subject: Option<PermissionChange>,
    /// The provider of a sign-in, successful or not.
    pub vcs: Option<Vcs>,
    /// The code of the answer to a refused sign-in.
    pub reason: Option<Code>,
    /// The client's address as the gateway saw it.
    pub source_ip: Option<String>,
    /// The client's `user-agent`; only the first 256 bytes are stored.
    pub user_agent: Option<String>,
}

/// Which entries a listing shows: those that match every field that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub key: Option<KeyId>,
    /// Entries of actions on behalf of this person.
    pub actor: Option<UserId>,
    pub action: Option<AuditAction>,
    pub outcome: Option<AuditOutcome>,
    /// Entries from this instant on.
    pub from: Option<Millis>,
    /// Entries before this instant.
    pub to: Option<Millis>,
}
