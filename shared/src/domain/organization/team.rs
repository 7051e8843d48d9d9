//! Organizations and teams.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Email, OrganizationAccess, OrganizationId, OrganizationName, OrganizationSettings, TeamId, TeamName, TeamTokenId,
};
use crate::domain::{Capabilities, Capability, Millis, Namespace, UserId};

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Names the row, and begins every id in it.
    pub id: OrganizationId,
    /// Names it to people, and in paths.
    pub name: OrganizationName,
    /// Where it is reached.
    pub email: Email,
    /// The installation it belongs to.
    pub namespace: Namespace,
    /// When it was created.
    pub created_at: Millis,
    /// Its own token.
    pub token: Option<TeamTokenId>,
    /// Settings that are on or off.
    pub settings: OrganizationSettings,
    /// Where its workspaces would run.
    pub execution_mode: ExecutionMode,
}

/// Where the workspaces of an organization run that say nothing themselves. No effect: there are no workspaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// At the service.
    #[default]
    Remote,
    /// At the client.
    Local,
}

impl Organization {
    /// The user in whose name its own token acts.
    pub fn service_user(&self) -> UserId {
        self.id.service_user()
    }

    /// Whether a team of this organization may carry a capability: the KV store's, and what limits to its installation.
    pub fn may_grant(&self, capability: &Capability) -> bool {
        match capability {
            Capability::KvStoreRead | Capability::KvStoreWrite => true,
            Capability::InstallationId(id) => *id == self.namespace.installation.to_string(),
            Capability::Vcs(vcs) => vcs == self.namespace.vcs.as_str(),
            _ => false,
        }
    }
}

/// Who in an organization sees that a team is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Its members, and who manages teams.
    #[default]
    Secret,
    /// Every member of the organization.
    Organization,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Names the row.
    pub id: TeamId,
    /// For people; unique in the organization.
    pub name: TeamName,
    /// Whether this is the team that every organization has from its beginning.
    pub owners: bool,
    /// Who sees it.
    pub visibility: Visibility,
    /// Whether its members, and its own tokens, may create and delete its tokens.
    pub allow_member_token_management: bool,
    /// What it may do to the organization.
    pub access: OrganizationAccess,
    /// What an access token bought with one of its tokens carries.
    pub capabilities: Capabilities,
    /// The people in it.
    pub users: BTreeSet<UserId>,
    /// When it was created.
    pub created_at: Millis,
    /// Its legacy token.
    pub token: Option<TeamTokenId>,
}

impl Team {
    /// The user in whose name its tokens act.
    pub fn service_user(&self) -> UserId {
        self.id.service_user()
    }
}
