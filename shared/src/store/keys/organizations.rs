//! Organizations, teams and their tokens: the identity table.

use super::hex;
use crate::domain::organization::{Description, OrganizationCode, OrganizationName, TeamId, TeamName, TeamTokenId};

pub fn organization_name(name: &OrganizationName) -> String {
    format!("organization-name#{}", hex(name.as_str()))
}

pub fn organization(code: OrganizationCode) -> String {
    format!("organization#{code}")
}

/// The organization, its teams and its tokens sort after everything else in their partition.
pub const ORGANIZATION: &str = "organization";

pub const TEAMS: &str = "team#";

pub fn team(id: TeamId) -> String {
    format!("{TEAMS}{}", id.digits())
}

pub const TOKENS: &str = "token#";

pub fn team_token(id: TeamTokenId) -> String {
    format!("{TOKENS}{}", id.digits())
}

pub fn team_name(name: &TeamName) -> String {
    format!("name#{}", hex(name.as_str()))
}

/// The text is hashed, because a description of 255 characters can be too long for a sort key.
pub fn description(team: TeamId, description: &Description) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, description.as_str().as_bytes());
    format!("description#{}#{}", team.digits(), hex(digest))
}
