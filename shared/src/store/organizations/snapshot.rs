//! An organization as a whole.

use std::collections::BTreeSet;

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, s};
use super::super::keys;
use super::codec;
use crate::domain::organization::{Organization, OrganizationCode, Team, TeamId, TeamToken};
use crate::domain::{Error, Result, UserId};

/// What belongs to an organization, as it is at one moment: teams and tokens in the order of their ids.
#[derive(Clone, Debug)]
pub struct OrganizationSnapshot {
    /// The organization.
    pub organization: Organization,
    /// Its teams.
    pub teams: Vec<Team>,
    /// Its own and its teams' tokens; empty unless asked for.
    pub tokens: Vec<TeamToken>,
}

impl OrganizationSnapshot {
    /// A team by its id.
    pub fn team(&self, id: TeamId) -> Option<&Team> {
        self.teams.iter().find(|team| team.id == id)
    }

    /// The people in the owners' team.
    pub fn owners(&self) -> BTreeSet<UserId> {
        self.teams.iter().filter(|team| team.owners).flat_map(|team| team.users.iter().copied()).collect()
    }
}

impl Store {
    /// The organization with its teams; strongly consistent. One query up to about a thousand teams.
    pub async fn find_organization_snapshot(&self, code: OrganizationCode) -> Result<Option<OrganizationSnapshot>> {
        // `~` sorts behind every letter and digit.
        snapshot(&self.places(code, keys::ORGANIZATION, &format!("{}~", keys::TEAMS)).await?)
    }

    /// The same with all tokens. One query up to about two thousand tokens, then another for each further two.
    pub async fn find_organization_with_tokens(&self, code: OrganizationCode) -> Result<Option<OrganizationSnapshot>> {
        snapshot(&self.places(code, keys::ORGANIZATION, &format!("{}~", keys::TOKENS)).await?)
    }

    /// The rows of an organization between two places.
    pub(super) async fn places(&self, code: OrganizationCode, low: &str, high: &str) -> Result<Vec<Item>> {
        let (mut items, mut from) = (Vec::new(), None);
        loop {
            let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
            let query = query.key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high");
            let query = query.expression_attribute_values(":pk", s(keys::organization(code)));
            let query = query.expression_attribute_values(":low", s(low)).expression_attribute_values(":high", s(high));
            let answer = query.set_exclusive_start_key(from).send().await.map_err(Failure::of)?;
            items.extend(answer.items.unwrap_or_default());
            from = answer.last_evaluated_key;
            if from.is_none() {
                return Ok(items);
            }
        }
    }
}

fn snapshot(items: &[Item]) -> Result<Option<OrganizationSnapshot>> {
    let (mut organization, mut teams, mut tokens) = (None, Vec::new(), Vec::new());
    for item in items {
        match item.text("entity")? {
            "organization" => organization = Some(codec::organization(item)?),
            "team" => teams.push(codec::team(item)?),
            "team-token" => tokens.push(codec::team_token(item)?),
            _ => return Err(Error::corrupt_item("a foreign row in an organization")),
        }
    }
    Ok(organization.map(|organization| OrganizationSnapshot { organization, teams, tokens }))
}
