//! Parses teams in requests.

use std::collections::BTreeMap;

use serde::Deserialize;
use terrapi::domain::organization::{Organization, OrganizationAccessChange, TeamName, Visibility};
use terrapi::domain::{Capabilities, Capability, RequestedCapabilities};
use terrapi::store::TeamChange;
use utoipa::ToSchema;

use crate::jsonapi::{Attributes, Problem};

/// A team to create, or the changes of a team.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "teams", "attributes": {"name": "platform",
    "capabilities": ["kv_store_read", {"name": "installation_id", "id": "12345"}]}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayload {
    data: TeamPayloadData,
}

/// The team to create or change.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayloadData {
    /// `teams`. May be absent. For a new team, `organizations` is accepted as well, as HCP Terraform does.
    r#type: Option<String>,
    attributes: TeamPayloadAttributes,
}

/// The attributes of a team. A change keeps the absent ones.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayloadAttributes {
    /// 1 to 100 letters, digits, `-`, `_`, `/` and spaces; unique in the organization. Required for a new team.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// The default for a new team is `secret`.
    visibility: Option<Visibility>,
    /// Must be empty: there is no single sign-on.
    sso_team_id: Option<String>,
    /// The default for a new team is `true`.
    allow_member_token_management: Option<bool>,
    /// Only owners of the organization may set it. By default, a new team has no access. `manage-membership`,
    /// `manage-organization-access` and `access-secret-teams` must be `false`.
    organization_access: Option<OrganizationAccessChange>,
    /// Only owners of the organization may set it: `kv_store_read`, `kv_store_write`, and the limits to the
    /// organization's installation and VCS. By default, a new team has none.
    capabilities: Option<Vec<Capability>>,
}

/// The pointers to the attributes.
pub const NAME: &str = "/data/attributes/name";
const VISIBILITY: &str = "/data/attributes/visibility";
const TOKEN_MANAGEMENT: &str = "/data/attributes/allow-member-token-management";
const ACCESS: &str = "/data/attributes/organization-access";
const MANAGE_MEMBERSHIP: &str = "/data/attributes/organization-access/manage-membership";
const MANAGE_ACCESS: &str = "/data/attributes/organization-access/manage-organization-access";
const SECRET_TEAMS: &str = "/data/attributes/organization-access/access-secret-teams";
const SSO_TEAM_ID: &str = "/data/attributes/sso-team-id";
const CAPABILITIES: &str = "/data/attributes/capabilities";

/// The error for an invalid name.
pub const NAME_PROBLEM: &str =
    "Name does not consist of 1 to 100 letters, digits, dashes, underscores, slashes and spaces";

/// Parses a change.
pub fn change(attributes: &Attributes, organization: &Organization) -> Result<TeamChange, Problem> {
    let malformed = "Capabilities are unknown or malformed";
    let capabilities: Option<RequestedCapabilities> = attributes.json(CAPABILITIES, malformed)?;
    let capabilities = capabilities.map(RequestedCapabilities::read).transpose();
    let capabilities = capabilities.map_err(|_| Problem::attribute(CAPABILITIES, malformed))?;
    if let Some(foreign) = capabilities.iter().flat_map(Capabilities::iter).find(|held| !organization.may_grant(held)) {
        let detail = format!("Capabilities: the organization cannot grant {}", foreign.name());
        return Err(Problem::attribute(CAPABILITIES, detail));
    }
    let access: Option<BTreeMap<String, Option<bool>>> =
        attributes.json(ACCESS, "Organization access is not an object of true and false")?;
    let access = OrganizationAccessChange::of(&access.unwrap_or_default());
    let sso = "Sso team id is not empty: there is no single sign-on";
    attributes.text(SSO_TEAM_ID, |text| text.is_empty().then_some(()), sso)?;
    for (given, pointer, problem) in [
        (access.manage_membership, MANAGE_MEMBERSHIP, "Manage membership is not false: manage-teams includes it"),
        (
            access.manage_organization_access,
            MANAGE_ACCESS,
            "Manage organization access is not false: only owners can do this",
        ),
        (access.access_secret_teams, SECRET_TEAMS, "Access secret teams is not false: manage-teams includes it"),
    ] {
        if given == Some(true) {
            return Err(Problem::attribute(pointer, problem));
        }
    }
    Ok(TeamChange {
        name: attributes.text(NAME, TeamName::new, NAME_PROBLEM)?,
        visibility: attributes.json(VISIBILITY, "Visibility is not secret or organization")?,
        allow_member_token_management: attributes
            .json(TOKEN_MANAGEMENT, "Allow member token management is not true or false")?,
        access,
        capabilities,
    })
}

/// The error for a name that another team has.
pub fn name_taken() -> Problem {
    Problem::attribute(NAME, "Name has already been taken")
}
