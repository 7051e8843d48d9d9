//! The organization object.

use serde::Serialize;
use terrapi::domain::organization::{Organization, Role};
use terrapi::domain::{InstallationId, Vcs};
use utoipa::ToSchema;

use super::TYPE;
use crate::jsonapi::{Nobody, Resource};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct OrganizationResource(Resource<OrganizationAttributes, Nobody>);

/// What an organization is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OrganizationAttributes {
    /// Its name, which is its id.
    name: String,
    /// Where it is reached.
    email: String,
    /// Names it for good.
    #[schema(pattern = "^org-[A-Za-z0-9]{16}$")]
    external_id: String,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// `password`
    collaborator_auth_policy: &'static str,
    /// The system of its installation.
    vcs: Vcs,
    /// The installation it belongs to.
    #[schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$")]
    installation_id: String,
    /// What the caller may do to it.
    permissions: OrganizationPermissions,
}

/// What the caller may do to an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
#[schema(example = json!({"can-update": true, "can-destroy": true, "can-create-team": true, "can-update-api-token": true,
    "can-manage-users": false}))]
pub struct OrganizationPermissions {
    /// Change it.
    can_update: bool,
    /// Delete it.
    can_destroy: bool,
    /// Create teams.
    can_create_team: bool,
    /// Manage its own token.
    can_update_api_token: bool,
    /// Always false: people sign in elsewhere.
    can_manage_users: bool,
}

/// An organization as the caller sees it.
pub fn resource(organization: &Organization, role: &Role) -> OrganizationResource {
    let installation: InstallationId = organization.namespace.installation;
    let attributes = OrganizationAttributes {
        name: organization.name.to_string(),
        email: organization.email.to_string(),
        external_id: organization.id.to_string(),
        created_at: organization.created_at.rfc3339(),
        collaborator_auth_policy: "password",
        vcs: organization.namespace.vcs,
        installation_id: installation.to_string(),
        permissions: OrganizationPermissions {
            can_update: role.owns(),
            can_destroy: role.owns(),
            can_create_team: role.manages(),
            can_update_api_token: role.owns(),
            can_manage_users: false,
        },
    };
    let id = organization.name.to_string();
    let path = format!("/api/v2/organizations/{id}");
    OrganizationResource(
        Resource { id, r#type: TYPE, attributes, relationships: Nobody::default(), links: None }.at(path),
    )
}

impl OrganizationResource {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.id
    }
}
