//! The team object.

use serde::Serialize;
use terrapi::domain::Capability;
use terrapi::domain::organization::{
    OrganizationAccess, OrganizationName, Role, Team, Visibility, membership_id, user_number,
};
use utoipa::ToSchema;

use super::TYPE;
use crate::jsonapi::{EmptyObject, Identifier, Resource, ToMany, ToOne};

/// A team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct TeamResource(Resource<TeamAttributes, TeamRelationships>);

/// The attributes of a team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TeamAttributes {
    /// Its name, unique in the organization.
    name: String,
    /// The number of its members.
    users_count: usize,
    /// Who may see it.
    visibility: Visibility,
    /// Always null: there is no single sign-on.
    sso_team_id: Option<String>,
    /// Always false.
    is_unified: bool,
    /// Whether its members and its tokens may manage its tokens.
    allow_member_token_management: bool,
    /// What the caller may do with it.
    permissions: TeamPermissions,
    /// What it may do in the organization.
    organization_access: OrganizationAccess,
    /// The capabilities of access tokens that are issued for its tokens.
    capabilities: Vec<Capability>,
}

/// What the caller may do with a team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
#[schema(example = json!({"can-update-membership": true, "can-destroy": true, "can-update-organization-access": true,
    "can-update-api-token": true, "can-update-visibility": true}))]
pub struct TeamPermissions {
    /// Add and remove members.
    can_update_membership: bool,
    /// Delete it.
    can_destroy: bool,
    /// Change its access and its capabilities.
    can_update_organization_access: bool,
    /// Manage its tokens.
    can_update_api_token: bool,
    /// Change who may see it.
    can_update_visibility: bool,
}

/// The relationships of a team.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct TeamRelationships {
    /// Its organization.
    organization: ToOne,
    /// Its members.
    users: ToMany,
    /// The memberships of these people in the organization.
    organization_memberships: ToMany,
    /// Always empty: the legacy token has a path of its own.
    authentication_token: Related,
}

/// A relationship without data.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct Related {
    meta: EmptyObject,
}

/// The resource object of a team, as the caller may see it.
pub fn resource(team: &Team, organization: &OrganizationName, role: &Role) -> TeamResource {
    let (owns, manages) = (role.owns(), role.manages());
    let attributes = TeamAttributes {
        name: team.name.to_string(),
        users_count: team.users.len(),
        visibility: team.visibility,
        sso_team_id: None,
        is_unified: false,
        allow_member_token_management: team.allow_member_token_management,
        permissions: TeamPermissions {
            can_update_membership: role.changes(team),
            can_destroy: manages && !team.owners,
            can_update_organization_access: owns && !team.owners,
            can_update_api_token: role.manages_tokens_of(team),
            can_update_visibility: manages,
        },
        organization_access: team.access,
        capabilities: team.capabilities.iter().cloned().collect(),
    };
    let user = |user: &_| Identifier::new("users", &format!("user-{}", user_number(*user)));
    let membership =
        |user: &_| Identifier::new("organization-memberships", &membership_id(team.id.organization(), *user));
    let relationships = TeamRelationships {
        organization: Identifier::new("organizations", organization).into(),
        users: ToMany { data: team.users.iter().map(user).collect() },
        organization_memberships: ToMany { data: team.users.iter().map(membership).collect() },
        authentication_token: Related::default(),
    };
    let resource = Resource { id: team.id.to_string(), r#type: TYPE, attributes, relationships, links: None };
    let path = format!("/api/v2/teams/{}", team.id);
    TeamResource(resource.at(path))
}
