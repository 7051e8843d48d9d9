//! Organizations: created with their owners, named anew, taken away with everything in them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Delete, TransactWriteItem, Update};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, json, s};
use super::super::keys;
use super::super::transaction::{delete, delete_existing, malformed, put_new};
use super::changes::Changes;
use super::codec;
use super::decision::{Decision, Written};
use super::owners::OWNERS_TEAM;
use crate::domain::organization::{
    Email, ExecutionMode, Organization, OrganizationCode, OrganizationId, OrganizationName, OrganizationSettingsChange,
    Team, TeamId, TeamToken, TokenHolder,
};
use crate::domain::{Result, UserId};

/// What is to change; the rest stays.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    /// A new name.
    pub name: Option<OrganizationName>,
    /// A new address.
    pub email: Option<Email>,
    /// Settings that are on or off.
    pub settings: OrganizationSettingsChange,
    /// Where its workspaces would run.
    pub execution_mode: Option<ExecutionMode>,
}

impl OrganizationChange {
    /// The part of this change that is one, so that a client which sends back everything it has read changes nothing else.
    #[must_use]
    pub fn differing_from(self, organization: &Organization) -> Self {
        Self {
            name: self.name.filter(|new| *new != organization.name),
            email: self.email.filter(|new| *new != organization.email),
            settings: self.settings.differing_from(organization.settings),
            execution_mode: self.execution_mode.filter(|new| *new != organization.execution_mode),
        }
    }
}

impl Store {
    /// Creates an organization with its owners' team: both or neither.
    pub async fn create_organization(
        &self,
        organization: &Organization,
        owners: &Team,
        decision: &Decision,
    ) -> Result<Written> {
        let table = &self.tables.identity;
        let mut row = codec::organization_row(organization)?;
        row.insert(OWNERS_TEAM.into(), s(owners.id.to_string()));
        row.insert(keys::BY_INSTALLATION.into(), s(keys::organizations_in(organization.namespace)));
        let mut items = vec![put_new(table, row)?, put_new(table, codec::name_row(organization))?];
        items.extend(self.new_team(owners, organization.namespace)?);
        let written = self.write_decided(items, decision, 0).await?;
        // The code is of random bits: that somebody has the same is not to be expected.
        self.written_organization(written, Some(&organization.name)).await
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

    /// Changes an organization: only the attributes that `change` names are written. A change of nothing writes nothing.
    pub async fn update_organization(
        &self,
        old: &Organization,
        change: &OrganizationChange,
        decision: &Decision,
    ) -> Result<Written> {
        let table = &self.tables.identity;
        let mut changes = Changes::default();
        changes.set("name", change.name.as_ref().map(|name| s(name.as_str())));
        changes.set("email", change.email.as_ref().map(|email| s(email.as_str())));
        changes.set(codec::EXECUTION_MODE, change.execution_mode.as_ref().map(json).transpose()?);
        changes.flags(codec::SETTING, change.settings.each());
        if changes.is_empty() {
            return Ok(Written::Done);
        }
        let renamed = change.name.as_ref().map(|_| s(old.name.as_str()));
        let mut items = vec![changes.update(table, row_key(old), renamed)?];
        if let Some(name) = &change.name {
            items.push(delete_existing(table, codec::name_key(&old.name))?);
            items.push(put_new(table, codec::name_row(&Organization { name: name.clone(), ..old.clone() }))?);
        }
        let written = self.write_decided(items, decision, 0).await?;
        self.written_organization(written, change.name.as_ref()).await
    }

    /// How the write of an organization ended that was to get this name.
    async fn written_organization(
        &self,
        written: Result<bool, Failure>,
        name: Option<&OrganizationName>,
    ) -> Result<Written> {
        Ok(match (written?, name) {
            (true, _) => Written::Done,
            (false, Some(name)) if self.find_organization_code(name).await?.is_some() => Written::Taken,
            (false, _) => Written::Outdated,
        })
    }

    /// Takes an organization away with its teams and tokens. First no team can be added; then the teams go, and with them
    /// what their tokens open. Its owners and their tokens go last, together with the organization: killed before that, it
    /// is still theirs to delete, with less in it. What is left behind after that moment works no longer.
    ///
    /// The right to it is a condition of the first write, and its audit entry is part of the last.
    pub async fn delete_organization(&self, organization: &Organization, decision: &Decision) -> Result<Written> {
        let (table, code) = (&self.tables.identity, organization.id.organization());
        if !self.close_organization(organization, decision).await? {
            return Ok(Written::Outdated);
        }
        let Some(snapshot) = self.find_organization_with_tokens(code).await? else { return Ok(Written::Outdated) };
        // Its name may be another since it was looked for.
        let organization = &snapshot.organization;
        let (owners, others): (Vec<&Team>, Vec<&Team>) = snapshot.teams.iter().partition(|team| team.owners);
        for team in others {
            self.transact_in_parts(&self.gone_team(team, organization.namespace)?).await?;
        }
        let of_owners = |token: &&TeamToken| match token.holder {
            TokenHolder::Organization => true,
            TokenHolder::Team(id) => owners.iter().any(|team| team.id == id),
        };
        let tokens = snapshot.tokens.iter().filter(|token| !of_owners(token)).map(|token| self.gone_token(token));
        let tokens = tokens.collect::<Result<Vec<_>>>()?.concat();
        self.transact_in_parts(&tokens).await?;
        let mut last = vec![self.gone_organization(organization)?, delete(table, codec::name_key(&organization.name))?];
        for team in owners {
            last.extend(self.gone_team(team, organization.namespace)?);
        }
        for note in &decision.notes {
            last.push(self.note(note)?);
        }
        match self.transact_patiently(last, 0).await {
            Err(Failure::Condition(_)) => return Ok(Written::Outdated),
            other => other?,
        }
        // `!` sorts before every letter: DynamoDB takes no empty text here.
        let left = self.places(code, "!", "~").await?;
        let left = left.into_iter().map(|item| delete(table, key_of(item))).collect::<Result<Vec<_>>>()?;
        self.transact_in_parts(&left).await?;
        Ok(Written::Done)
    }

    /// Takes away an organization's row, if its name is still this one: the row that reserves the name goes with it.
    fn gone_organization(&self, organization: &Organization) -> Result<TransactWriteItem> {
        let delete = Delete::builder().table_name(&self.tables.identity).set_key(Some(row_key(organization)));
        let delete = delete.condition_expression("#name = :name").expression_attribute_names("#name", "name");
        let delete = delete.expression_attribute_values(":name", s(organization.name.as_str()));
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(malformed)?).build())
    }

    /// Lets no team into an organization any longer. `false`: a condition failed.
    async fn close_organization(&self, organization: &Organization, decision: &Decision) -> Result<bool> {
        let close = Update::builder().table_name(&self.tables.identity).set_key(Some(row_key(organization)));
        let close = close.update_expression("SET closing = :yes").condition_expression("attribute_exists(pk)");
        let close = close.expression_attribute_values(":yes", AttributeValue::Bool(true)).build().map_err(malformed)?;
        let items = vec![TransactWriteItem::builder().update(close).build()];
        let authority = Decision { authority: decision.authority, notes: Vec::new() };
        Ok(self.write_decided(items, &authority, 0).await??)
    }
}

fn row_key(organization: &Organization) -> Item {
    codec::key(organization.id.organization(), keys::ORGANIZATION)
}

fn key_of(mut item: Item) -> Item {
    item.retain(|name, _| name == keys::PK || name == keys::SK);
    item
}
