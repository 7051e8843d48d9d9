//! What clients say about a team.

use std::collections::BTreeMap;

use serde::Deserialize;
use terrapi::domain::organization::{Organization, OrganizationAccessChange, TeamName, Visibility};
use terrapi::domain::{Capabilities, Capability, RequestedCapabilities};
use terrapi::store::TeamChange;
use utoipa::ToSchema;

use crate::jsonapi::{Attributes, Problem};

/// A team to create, or what to change of one.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"data": {"type": "teams", "attributes": {"name": "platform",
    "capabilities": ["kv_store_read", {"name": "installation_id", "id": "12345"}]}}}))]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayload {
    data: TeamPayloadData,
}

/// The team.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayloadData {
    /// `teams`, or nothing. A new team's may be `organizations`, as the vendor's service has it.
    r#type: Option<String>,
    attributes: TeamPayloadAttributes,
}

/// What it is to be. A change keeps what is left out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayloadAttributes {
    /// 1 to 100 letters, digits, `-`, `_`, `/` and spaces; unique in the organization. A new team must have one.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// `secret` for a new team.
    visibility: Option<Visibility>,
    /// Refused unless empty: there is no single sign-on.
    sso_team_id: Option<String>,
    /// True for a new team.
    allow_member_token_management: Option<bool>,
    /// None for a new team. For owners of the organization to give. `manage-membership`, `manage-organization-access` and
    /// `access-secret-teams` are refused unless false.
    organization_access: Option<OrganizationAccessChange>,
    /// None for a new team. For owners of the organization to give: `kv_store_read`, `kv_store_write`, and the limits to
    /// the organization's installation and its system.
    capabilities: Option<Vec<Capability>>,
}

/// Where each attribute stands.
pub const NAME: &str = "/data/attributes/name";
const VISIBILITY: &str = "/data/attributes/visibility";
const TOKEN_MANAGEMENT: &str = "/data/attributes/allow-member-token-management";
const ACCESS: &str = "/data/attributes/organization-access";
const MANAGE_MEMBERSHIP: &str = "/data/attributes/organization-access/manage-membership";
const MANAGE_ACCESS: &str = "/data/attributes/organization-access/manage-organization-access";
const SECRET_TEAMS: &str = "/data/attributes/organization-access/access-secret-teams";
const SSO_TEAM_ID: &str = "/data/attributes/sso-team-id";
const CAPABILITIES: &str = "/data/attributes/capabilities";

/// What is said about a name that is none.
pub const NAME_PROBLEM: &str = "Name is not of 1 to 100 letters, digits, dashes, underscores, slashes and spaces";

/// Reads what is to change.
pub fn change(attributes: &Attributes, organization: &Organization) -> Result<TeamChange, Problem> {
    let malformed = "Capabilities are unknown or malformed";
    let capabilities: Option<RequestedCapabilities> = attributes.json(CAPABILITIES, malformed)?;
    let capabilities = capabilities.map(RequestedCapabilities::read).transpose();
    let capabilities = capabilities.map_err(|_| Problem::attribute(CAPABILITIES, malformed))?;
    if let Some(foreign) = capabilities.iter().flat_map(Capabilities::iter).find(|held| !organization.may_grant(held)) {
        let detail = format!("Capabilities: {} is not the organization's to give", foreign.name());
        return Err(Problem::attribute(CAPABILITIES, detail));
    }
    let access: Option<BTreeMap<String, Option<bool>>> =
        attributes.json(ACCESS, "Organization access is not an object of true and false")?;
    let access = OrganizationAccessChange::of(&access.unwrap_or_default());
    let sso = "Sso team id is not empty: there is no single sign-on";
    attributes.text(SSO_TEAM_ID, |text| text.is_empty().then_some(()), sso)?;
    for (given, pointer, problem) in [
        (access.manage_membership, MANAGE_MEMBERSHIP, "Manage membership is not false: manage-teams gives it"),
        (
            access.manage_organization_access,
            MANAGE_ACCESS,
            "Manage organization access is not false: owners alone give it",
        ),
        (access.access_secret_teams, SECRET_TEAMS, "Access secret teams is not false: manage-teams gives it"),
    ] {
        if given == Some(true) {
            return Err(Problem::attribute(pointer, problem));
        }
    }
    Ok(TeamChange {
        name: attributes.text(NAME, TeamName::new, NAME_PROBLEM)?,
        visibility: attributes.json(VISIBILITY, "Visibility is not secret or organization")?,
        allow_member_token_management: attributes.json(TOKEN_MANAGEMENT, "It is true or false")?,
        access,
        capabilities,
    })
}

/// 422 for a name that another team has.
pub fn name_taken() -> Problem {
    Problem::attribute(NAME, "Name has already been taken")
}
