//! The organization object.

use serde::Serialize;
use terrapi::domain::organization::{ExecutionMode, Organization, OrganizationSettings, Role};
use terrapi::domain::{InstallationId, Vcs};
use utoipa::ToSchema;

use super::TYPE;
use crate::jsonapi::{EmptyObject, Resource};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct OrganizationResource(Resource<OrganizationAttributes, EmptyObject>);

/// The attributes of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::struct_excessive_bools, reason = "the wire has them")]
pub struct OrganizationAttributes {
    /// Its name, which is also its id in paths.
    name: String,
    /// Its email address.
    email: String,
    /// Its permanent id.
    #[schema(pattern = "^org-[A-Za-z0-9]{16}$")]
    external_id: String,
    /// When it was created.
    #[schema(format = DateTime)]
    created_at: String,
    /// HCP Terraform's default for workspaces. No effect.
    default_execution_mode: ExecutionMode,
    /// Settings that are stored for clients and have no effect.
    #[serde(flatten)]
    settings: OrganizationSettings,
    /// Always `password`: people sign in at GitHub or GitLab.
    collaborator_auth_policy: &'static str,
    /// Always null: sessions end after 7 days without a request.
    session_timeout: Option<u32>,
    /// Always null: sessions end after 30 days.
    session_remember: Option<u32>,
    /// Always null: there is no single sign-on.
    owners_team_saml_role_id: Option<String>,
    /// Always false.
    saml_enabled: bool,
    /// Always false.
    two_factor_conformant: bool,
    /// Always true.
    user_tokens_enabled: bool,
    /// Always false.
    max_ttl_enabled: bool,
    /// Always false.
    enforce_hyok: bool,
    /// Always false.
    is_unified: bool,
    /// The VCS of its installation.
    vcs: Vcs,
    /// The installation to which it belongs.
    #[schema(value_type = String, pattern = "^(0|[1-9][0-9]{0,18})$")]
    installation_id: String,
    /// What the caller may do with it.
    permissions: OrganizationPermissions,
}

/// What the caller may do with an organization.
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
    /// Always false: people sign in at GitHub or GitLab.
    can_manage_users: bool,
}

/// The resource object of an organization, as the caller may see it.
pub fn resource(organization: &Organization, role: &Role) -> OrganizationResource {
    let installation: InstallationId = organization.namespace.installation;
    let attributes = OrganizationAttributes {
        name: organization.name.to_string(),
        email: organization.email.to_string(),
        external_id: organization.id.to_string(),
        created_at: organization.created_at.rfc3339(),
        default_execution_mode: organization.execution_mode,
        settings: organization.settings,
        collaborator_auth_policy: "password",
        session_timeout: None,
        session_remember: None,
        owners_team_saml_role_id: None,
        saml_enabled: false,
        two_factor_conformant: false,
        user_tokens_enabled: true,
        max_ttl_enabled: false,
        enforce_hyok: false,
        is_unified: false,
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
        Resource { id, r#type: TYPE, attributes, relationships: EmptyObject::default(), links: None }.at(path),
    )
}

impl OrganizationResource {
    /// Whether the name contains `name`, the email address contains `email`, and one of both contains `either`. All are
    /// in lower case.
    pub fn matches(&self, name: &str, email: &str, either: &str) -> bool {
        let own = [self.0.id.to_lowercase(), self.0.attributes.email.to_lowercase()];
        let [own_name, own_email] = &own;
        own_name.contains(name) && own_email.contains(email) && own.iter().any(|text| text.contains(either))
    }

    pub fn name(&self) -> &str {
        &self.0.id
    }
}
