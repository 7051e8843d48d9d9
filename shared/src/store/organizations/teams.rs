//! Teams.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Item, json, s};
use super::super::keys;
use super::super::memberships;
use super::super::transaction::{delete, delete_existing, malformed, put, put_new, require};
use super::codec;
use crate::domain::organization::{OrganizationAccess, Team, TeamId, TeamName, TokenHolder, Visibility};
use crate::domain::{Capabilities, Error, Namespace, Result};

/// What is to change; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct TeamChange {
    /// A new name.
    pub name: Option<TeamName>,
    /// Who sees it.
    pub visibility: Option<Visibility>,
    /// Whether its members may manage its tokens.
    pub allow_member_token_management: Option<bool>,
    /// What it may do to the organization.
    pub access: Option<OrganizationAccess>,
    /// What its access tokens carry.
    pub capabilities: Option<Capabilities>,
}

impl Store {
    /// Creates a team in an organization that belongs to `namespace`, where the team's own user is let in. `false` when
    /// the name is taken.
    ///
    /// # Errors
    /// Not found, when the organization is gone or being deleted.
    pub async fn create_team(&self, team: &Team, namespace: Namespace) -> Result<bool> {
        let organization = codec::key(team.id.organization(), keys::ORGANIZATION);
        let open = "attribute_exists(pk) AND attribute_not_exists(closing)";
        let mut items = vec![require(&self.tables.identity, organization, open)?];
        items.extend(self.new_team(team, namespace)?);
        match self.transact_patiently(items, 0).await {
            Err(Failure::Condition(_)) if self.team_name_taken(team.id, &team.name).await? => Ok(false),
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => other.map(|()| true).map_err(Error::from),
        }
    }

    /// The team; strongly consistent.
    pub async fn find_team(&self, id: TeamId) -> Result<Option<Team>> {
        let (pk, sk) = (s(keys::organization(id.organization())), s(keys::team(id)));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::team(&item)).transpose()
    }

    /// Changes a team and gives it as it is then. `None` when the new name is taken.
    ///
    /// # Errors
    /// Not found, when it is gone or was renamed meanwhile.
    pub async fn update_team(&self, old: &Team, change: TeamChange) -> Result<Option<Team>> {
        let table = &self.tables.identity;
        let new = Team {
            name: change.name.unwrap_or_else(|| old.name.clone()),
            visibility: change.visibility.unwrap_or(old.visibility),
            allow_member_token_management: change
                .allow_member_token_management
                .unwrap_or(old.allow_member_token_management),
            access: change.access.unwrap_or(old.access),
            capabilities: change.capabilities.unwrap_or_else(|| old.capabilities.clone()),
            ..old.clone()
        };
        let update = Update::builder().table_name(table).set_key(Some(row_key(new.id)));
        let update = update.update_expression(
            "SET #name = :name, visibility = :visibility, token_management = :management, #access = :access, capabilities = :capabilities",
        );
        let update = update.expression_attribute_names("#name", "name").expression_attribute_names("#access", "access");
        let update =
            update.condition_expression("#name = :old").expression_attribute_values(":old", s(old.name.as_str()));
        let update = update.expression_attribute_values(":name", s(new.name.as_str()));
        let update = update.expression_attribute_values(":visibility", json(&new.visibility)?);
        let update =
            update.expression_attribute_values(":management", AttributeValue::Bool(new.allow_member_token_management));
        let update = update.expression_attribute_values(":access", json(&new.access)?);
        let update = update.expression_attribute_values(":capabilities", json(&new.capabilities)?);
        let mut items = vec![TransactWriteItem::builder().update(update.build().map_err(malformed)?).build()];
        if new.name != old.name {
            items.push(delete_existing(table, name_key(old.id, &old.name))?);
            items.push(put_new(table, codec::marker(name_key(new.id, &new.name), "team-name"))?);
        }
        match self.transact_patiently(items, 0).await {
            Err(Failure::Condition(_)) if self.team_name_taken(new.id, &new.name).await? => Ok(None),
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => other.map(|()| Some(new)).map_err(Error::from),
        }
    }

    /// Takes a team away. At that moment none of its tokens works or shows any longer; their rows go right after.
    ///
    /// # Errors
    /// Not found, when it is gone already.
    pub async fn delete_team(&self, team: &Team, namespace: Namespace) -> Result<()> {
        let table = &self.tables.identity;
        let first = vec![delete_existing(table, row_key(team.id))?, delete(table, name_key(team.id, &team.name))?];
        match self.transact_patiently(first, 0).await {
            Err(Failure::Condition(_)) => return Err(Error::NotFound),
            other => other?,
        }
        let mut rest = self.gone_team(team, namespace)?;
        let roster = self.find_roster_with_tokens(team.id.organization()).await?;
        let tokens = roster.map(|roster| roster.tokens).unwrap_or_default();
        for token in tokens.iter().filter(|token| token.holder == TokenHolder::Team(team.id)) {
            rest.extend(self.gone_token(token)?);
        }
        Ok(self.transact_in_parts(&rest).await?)
    }

    /// The writes of a new team.
    pub(super) fn new_team(&self, team: &Team, namespace: Namespace) -> Result<Vec<TransactWriteItem>> {
        let table = &self.tables.identity;
        let mut items = vec![
            put_new(table, codec::team_row(team)?)?,
            put_new(table, codec::marker(name_key(team.id, &team.name), "team-name"))?,
            put(table, memberships::row(team.service_user(), namespace))?,
        ];
        for user in &team.users {
            items.push(put(table, codec::marker(codec::of_user_key(*user, team.id), "team-membership"))?);
        }
        Ok(items)
    }

    /// The writes that take away what a team is known by elsewhere, and the team itself if it is still there.
    pub(super) fn gone_team(&self, team: &Team, namespace: Namespace) -> Result<Vec<TransactWriteItem>> {
        let table = &self.tables.identity;
        let of_users = team.users.iter().map(|user| codec::of_user_key(*user, team.id));
        let others = [row_key(team.id), memberships::key(team.service_user(), namespace)];
        others.into_iter().chain(of_users).map(|key| delete(table, key)).collect()
    }

    async fn team_name_taken(&self, id: TeamId, name: &TeamName) -> Result<bool> {
        let (pk, sk) = (s(keys::organization(id.organization())), s(keys::team_name(name)));
        Ok(self.get(&self.tables.identity, pk, sk).await?.is_some())
    }
}

fn row_key(id: TeamId) -> Item {
    codec::key(id.organization(), keys::team(id))
}

fn name_key(id: TeamId, name: &TeamName) -> Item {
    codec::key(id.organization(), keys::team_name(name))
}
