//! Organizations: created with their owners, named anew, taken away with everything in them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, s};
use super::super::keys;
use super::super::transaction::{delete, delete_existing, malformed, put_new};
use super::codec;
use super::owners::OWNERS_TEAM;
use crate::domain::organization::{
    Email, Organization, OrganizationCode, OrganizationId, OrganizationName, Team, TeamId, TeamToken, TokenHolder,
};
use crate::domain::{Error, Result, UserId};

/// What is to change; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// A new name.
    pub name: Option<OrganizationName>,
    /// A new address.
    pub email: Option<Email>,
}

impl Store {
    /// Creates an organization with its owners' team: both or neither. `false` when the name is taken.
    pub async fn create_organization(&self, organization: &Organization, owners: &Team) -> Result<bool> {
        let table = &self.tables.identity;
        let mut row = codec::organization_row(organization)?;
        row.insert(OWNERS_TEAM.into(), s(owners.id.to_string()));
        row.insert(keys::BY_INSTALLATION.into(), s(keys::organizations_in(organization.namespace)));
        let mut items = vec![put_new(table, row)?, put_new(table, codec::name_row(organization))?];
        items.extend(self.new_team(owners, organization.namespace)?);
        match self.transact(items).await {
            // The code is of random bits: that somebody has the same is not to be expected.
            Err(Failure::Condition(_)) => Ok(false),
            other => other.map(|()| true).map_err(Error::from),
        }
    }

    /// The organization of a name; strongly consistent.
    pub async fn find_organization_code(&self, name: &OrganizationName) -> Result<Option<OrganizationCode>> {
        let (pk, sk) = (s(keys::organization_name(name)), s(keys::ORGANIZATION));
        let Some(item) = self.get(&self.tables.identity, pk, sk).await? else { return Ok(None) };
        let id = OrganizationId::parse(item.text("id")?).ok_or_else(codec::damaged)?;
        Ok(Some(id.organization()))
    }

    /// The organization itself; strongly consistent.
    pub async fn find_organization(&self, code: OrganizationCode) -> Result<Option<Organization>> {
        let (pk, sk) = (s(keys::organization(code)), s(keys::ORGANIZATION));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::organization(&item)).transpose()
    }

    /// The organizations in which a person belongs to a team.
    pub async fn list_organizations_of(&self, user: UserId) -> Result<BTreeSet<OrganizationCode>> {
        let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk AND begins_with(sk, :teams)");
        let query = query.expression_attribute_values(":pk", s(keys::user(user)));
        let query = query.expression_attribute_values(":teams", s(keys::TEAMS));
        let answer = query.send().await.map_err(Failure::of)?;
        let team = |item: &Item| {
            let team = item.text(keys::SK)?.strip_prefix(keys::TEAMS).and_then(TeamId::of_digits);
            team.map(|team| team.organization()).ok_or_else(codec::damaged)
        };
        answer.items().iter().map(team).collect()
    }

    /// Changes an organization and gives it as it is then. `None` when the new name is taken.
    ///
    /// # Errors
    /// Not found, when it is gone or was renamed meanwhile.
    pub async fn update_organization(
        &self,
        old: &Organization,
        change: OrganizationChange,
    ) -> Result<Option<Organization>> {
        let table = &self.tables.identity;
        let new = Organization {
            name: change.name.unwrap_or_else(|| old.name.clone()),
            email: change.email.unwrap_or_else(|| old.email.clone()),
            ..old.clone()
        };
        let update = Update::builder().table_name(table).set_key(Some(row_key(old)));
        let update =
            update.update_expression("SET #name = :name, email = :email").expression_attribute_names("#name", "name");
        let update =
            update.condition_expression("#name = :old").expression_attribute_values(":old", s(old.name.as_str()));
        let update = update.expression_attribute_values(":name", s(new.name.as_str()));
        let update = update.expression_attribute_values(":email", s(new.email.as_str())).build().map_err(malformed)?;
        let mut items = vec![TransactWriteItem::builder().update(update).build()];
        if new.name != old.name {
            items.push(delete_existing(table, codec::name_key(&old.name))?);
            items.push(put_new(table, codec::name_row(&new))?);
        }
        match self.transact_patiently(items, 0).await {
            Err(Failure::Condition(_)) if self.find_organization_code(&new.name).await?.is_some() => Ok(None),
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => other.map(|()| Some(new)).map_err(Error::from),
        }
    }

    /// Takes an organization away with its teams and tokens. First no team can be added; then the teams go, and with them
    /// what their tokens open. Its owners and their tokens go last, together with the organization: killed before that, it
    /// is still theirs to delete, with less in it. What is left behind after that moment works no longer.
    pub async fn delete_organization(&self, organization: &Organization) -> Result<()> {
        let (table, code) = (&self.tables.identity, organization.id.organization());
        self.close_organization(organization).await?;
        let Some(roster) = self.find_roster_with_tokens(code).await? else { return Err(Error::NotFound) };
        let (owners, others): (Vec<&Team>, Vec<&Team>) = roster.teams.iter().partition(|team| team.owners);
        for team in others {
            self.transact_in_parts(&self.gone_team(team, organization.namespace)?).await?;
        }
        let of_owners = |token: &&TeamToken| match token.holder {
            TokenHolder::Organization => true,
            TokenHolder::Team(id) => owners.iter().any(|team| team.id == id),
        };
        let tokens = roster.tokens.iter().filter(|token| !of_owners(token)).map(|token| self.gone_token(token));
        let tokens = tokens.collect::<Result<Vec<_>>>()?.concat();
        self.transact_in_parts(&tokens).await?;
        let mut last = vec![delete(table, row_key(organization))?, delete(table, codec::name_key(&organization.name))?];
        for team in owners {
            last.extend(self.gone_team(team, organization.namespace)?);
        }
        self.transact_patiently(last, 0).await?;
        // `!` sorts before every letter: DynamoDB takes no empty text here.
        let left = self.places(code, "!", "~").await?;
        let left = left.into_iter().map(|item| delete(table, key_of(item))).collect::<Result<Vec<_>>>()?;
        Ok(self.transact_in_parts(&left).await?)
    }

    /// Lets no team into an organization any longer.
    async fn close_organization(&self, organization: &Organization) -> Result<()> {
        let close = self.db.update_item().table_name(&self.tables.identity).set_key(Some(row_key(organization)));
        let close = close.update_expression("SET closing = :yes").condition_expression("attribute_exists(pk)");
        let close = close.expression_attribute_values(":yes", AttributeValue::Bool(true));
        match close.send().await.map_err(Failure::of_update) {
            Err(Failure::Condition(_)) => Err(Error::NotFound),
            other => Ok(other.map(|_| ())?),
        }
    }
}

fn row_key(organization: &Organization) -> Item {
    codec::key(organization.id.organization(), keys::ORGANIZATION)
}

fn key_of(mut item: Item) -> Item {
    item.retain(|name, _| name == keys::PK || name == keys::SK);
    item
}
