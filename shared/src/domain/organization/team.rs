//! Organizations and teams.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Email, OrganizationAccess, OrganizationId, OrganizationName, OrganizationSettings, TeamId, TeamName, TeamTokenId,
};
use crate::domain::{Capabilities, Capability, Millis, Namespace, UserId};

/// An organization, as it is stored. It belongs to one installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Its id. The ids of its teams and tokens begin with the same eight digits.
    pub id: OrganizationId,
    /// Its name, which is unique and stands in paths.
    pub name: OrganizationName,
    pub email: Email,
    /// The installation it belongs to.
    pub namespace: Namespace,
    pub created_at: Millis,
    /// Its own token, if there is one.
    pub token: Option<TeamTokenId>,
    pub settings: OrganizationSettings,
    /// Where its workspaces would run. It has no effect: there are no workspaces.
    pub execution_mode: ExecutionMode,
}

/// Where the workspaces of an organization run that say nothing themselves. No effect: there are no workspaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionMode {
    /// On the server.
    #[default]
    Remote,
    /// On the client's machine.
    Local,
}

impl Organization {
    /// The user in whose name its own token acts.
    pub fn service_user(&self) -> UserId {
        self.id.service_user()
    }

    /// Whether a team of this organization may have `capability`: reading and writing the KV store, and the limits to
    /// this organization's installation and provider.
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
    /// The team's members, and those who may manage teams.
    #[default]
    Secret,
    /// Every member of the organization.
    Organization,
}

/// A team, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    pub id: TeamId,
    /// Its name, unique in the organization.
    pub name: TeamName,
    /// Whether this is the team that owns the organization. Every organization has exactly one such team.
    pub owners: bool,
    /// Who may see that it exists.
    pub visibility: Visibility,
    /// Whether its members and tokens may create and delete its tokens.
    pub allow_member_token_management: bool,
    /// What its members and tokens may do in the organization.
    pub access: OrganizationAccess,
    /// The capabilities of access tokens that are issued for its team tokens.
    pub capabilities: Capabilities,
    pub users: BTreeSet<UserId>,
    pub created_at: Millis,
    /// Its legacy token, if there is one.
    pub token: Option<TeamTokenId>,
}

impl Team {
    /// The user in whose name its tokens act.
    pub fn service_user(&self) -> UserId {
        self.id.service_user()
    }
}
