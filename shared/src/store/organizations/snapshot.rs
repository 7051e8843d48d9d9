//! An organization with its teams and tokens.

use std::collections::BTreeSet;

use super::super::client::Store;
use super::super::item::{Attributes, Item, s};
use super::super::keys;
use super::super::query::Query;
use super::codec;
use crate::domain::organization::{Organization, OrganizationCode, Team, TeamId, TeamToken};
use crate::domain::{Error, Result, UserId};

/// An organization with its teams and tokens at one moment. Both are in the order of their ids.
#[derive(Clone, Debug)]
pub struct OrganizationSnapshot {
    pub organization: Organization,
    pub teams: Vec<Team>,
    /// The tokens of the organization and of its teams. Empty unless they were read.
    pub tokens: Vec<TeamToken>,
}

impl OrganizationSnapshot {
    pub fn team(&self, id: TeamId) -> Option<&Team> {
        self.teams.iter().find(|team| team.id == id)
    }

    /// The members of the owners' team.
    pub fn owners(&self) -> BTreeSet<UserId> {
        self.teams.iter().filter(|team| team.owners).flat_map(|team| team.users.iter().copied()).collect()
    }
}

impl Store {
    /// The organization with its teams. Strongly consistent. One query reads about a thousand teams.
    pub async fn find_organization_snapshot(&self, code: OrganizationCode) -> Result<Option<OrganizationSnapshot>> {
        // `~` sorts after every letter and digit.
        snapshot(&self.rows_between(code, keys::ORGANIZATION, &format!("{}~", keys::TEAMS)).await?)
    }

    /// As [`Self::find_organization_snapshot`], with all tokens. One query reads about two thousand tokens.
    pub async fn find_organization_with_tokens(&self, code: OrganizationCode) -> Result<Option<OrganizationSnapshot>> {
        snapshot(&self.rows_between(code, keys::ORGANIZATION, &format!("{}~", keys::TOKENS)).await?)
    }

    /// The rows of an organization with sort keys between `low` and `high`.
    pub(super) async fn rows_between(&self, code: OrganizationCode, low: &str, high: &str) -> Result<Vec<Item>> {
        let values = [(":pk", s(keys::organization(code))), (":low", s(low)), (":high", s(high))];
        Query::new(&self.tables.identity, "pk = :pk AND sk BETWEEN :low AND :high", values).all(self).await
    }
}

fn snapshot(items: &[Item]) -> Result<Option<OrganizationSnapshot>> {
    let (mut organization, mut teams, mut tokens) = (None, Vec::new(), Vec::new());
    for item in items {
        match item.text("entity")? {
            "organization" => organization = Some(codec::organization(item)?),
            "team" => teams.push(codec::team(item)?),
            "team-token" => tokens.push(codec::team_token(item)?),
            _ => return Err(Error::corrupt_item("an organization's partition has an unknown row")),
        }
    }
    Ok(organization.map(|organization| OrganizationSnapshot { organization, teams, tokens }))
}
