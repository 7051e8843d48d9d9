//! What clients say about a team.

use serde::Deserialize;
use terrapi::domain::organization::{Organization, OrganizationAccess, Role, TeamName, Visibility};
use terrapi::domain::{Capabilities, Capability, CapabilityList};
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
    /// `teams`, or nothing.
    r#type: Option<String>,
    attributes: TeamPayloadAttributes,
}

/// What it is to be. A change keeps what is left out.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[expect(dead_code, reason = "a description: handlers take Payload")]
pub struct TeamPayloadAttributes {
    /// 1 to 100 letters, digits, `-`, `_` and spaces; unique in the organization. A new team must have one.
    #[schema(max_length = 100)]
    name: Option<String>,
    /// `secret` for a new team.
    visibility: Option<Visibility>,
    /// True for a new team.
    allow_member_token_management: Option<bool>,
    /// None for a new team. For owners of the organization to give.
    organization_access: Option<OrganizationAccess>,
    /// None for a new team. For owners of the organization to give: `kv_store_read`, `kv_store_write`, and the limits to
    /// the organization's installation and its system.
    capabilities: Option<Vec<Capability>>,
}

/// Where each attribute stands.
pub const NAME: &str = "/data/attributes/name";
const VISIBILITY: &str = "/data/attributes/visibility";
const TOKEN_MANAGEMENT: &str = "/data/attributes/allow-member-token-management";
const ACCESS: &str = "/data/attributes/organization-access";
const CAPABILITIES: &str = "/data/attributes/capabilities";

/// What is said about a name that is none.
pub const NAME_PROBLEM: &str = "Name is not of 1 to 100 letters, digits, dashes, underscores and spaces";

/// Reads what is to change.
///
/// # Errors
/// Not found, when the caller may not give what they want to give.
pub fn change(attributes: &Attributes, organization: &Organization, role: &Role) -> Result<TeamChange, Problem> {
    let gives = attributes.has(ACCESS) || attributes.has(CAPABILITIES);
    if gives && !role.owns() {
        return Err(Problem::not_found());
    }
    let capabilities: Option<CapabilityList> =
        attributes.json(CAPABILITIES, "Capabilities are unknown or malformed")?;
    let capabilities = capabilities.map(|list| list.0);
    if let Some(foreign) = capabilities.iter().flat_map(Capabilities::iter).find(|held| !organization.may_grant(held)) {
        let detail = format!("Capabilities: {} is not the organization's to give", foreign.name());
        return Err(Problem::attribute(CAPABILITIES, detail));
    }
    Ok(TeamChange {
        name: attributes.text(NAME, TeamName::new, NAME_PROBLEM)?,
        visibility: attributes.json(VISIBILITY, "Visibility is not secret or organization")?,
        allow_member_token_management: attributes.json(TOKEN_MANAGEMENT, "It is true or false")?,
        access: attributes.json(ACCESS, "Organization access is not an object of true and false")?,
        capabilities,
    })
}

/// 422 for a name that another team has.
pub fn name_taken() -> Problem {
    Problem::attribute(NAME, "Name has already been taken")
}
