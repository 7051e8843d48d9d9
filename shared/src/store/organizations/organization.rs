//! Creates, changes and deletes organizations.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::super::client::Store;
use super::super::error::{Failure, condition_held};
use super::super::item::{Attributes, Item, json, s};
use super::super::keys;
use super::super::query::Query;
use super::super::transaction::{delete, delete_existing, delete_if, put_new};
use super::super::update::Update;
use super::changes::Changes;
use super::codec;
use super::decision::{Decision, Written};
use super::teams::OWNERS_TEAM;
use crate::domain::organization::{
    Email, ExecutionMode, Organization, OrganizationCode, OrganizationId, OrganizationName, OrganizationSettingsChange,
    Team, TeamId, TeamToken, TokenHolder,
};
use crate::domain::{Result, UserId};

/// The new values. Absent ones stay as they are.
#[derive(Clone, Debug, Default)]
pub struct OrganizationChange {
    pub name: Option<OrganizationName>,
    pub email: Option<Email>,
    pub settings: OrganizationSettingsChange,
    /// Where the runs of its workspaces would be executed.
    pub execution_mode: Option<ExecutionMode>,
}

impl OrganizationChange {
    /// Only the values that differ from the current ones. A client that sends back everything it has read changes
    /// nothing.
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
    /// Creates an organization together with its team of owners.
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
        // The organization code is random, so the failed condition is that of the name.
        self.organization_outcome(written, Some(&organization.name)).await
    }

    /// The organization that has this name. Strongly consistent.
    pub async fn find_organization_code(&self, name: &OrganizationName) -> Result<Option<OrganizationCode>> {
        let (pk, sk) = (s(keys::organization_name(name)), s(keys::ORGANIZATION));
        let Some(item) = self.get(&self.tables.identity, pk, sk).await? else { return Ok(None) };
        let id = OrganizationId::parse(item.text("id")?).ok_or_else(codec::damaged)?;
        Ok(Some(id.organization()))
    }

    /// Strongly consistent.
    pub async fn find_organization(&self, code: OrganizationCode) -> Result<Option<Organization>> {
        let (pk, sk) = (s(keys::organization(code)), s(keys::ORGANIZATION));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::organization(&item)).transpose()
    }

    /// The organizations in which a user belongs to a team.
    pub async fn list_organizations_of(&self, user: UserId) -> Result<BTreeSet<OrganizationCode>> {
        let values = [(":pk", s(keys::user(user))), (":teams", s(keys::TEAMS))];
        let query = Query::new(&self.tables.identity, "pk = :pk AND begins_with(sk, :teams)", values);
        let team = |item: &Item| {
            let team = item.text(keys::SK)?.strip_prefix(keys::TEAMS).and_then(TeamId::of_digits);
            team.map(|team| team.organization()).ok_or_else(codec::damaged)
        };
        query.page(self).await?.items.iter().map(team).collect()
    }

    /// Changes an organization. Only the attributes that `change` names are written; an empty change writes nothing.
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
        self.organization_outcome(written, change.name.as_ref()).await
    }

    /// Translates the outcome of a write that gives an organization this name.
    async fn organization_outcome(
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

    /// Deletes an organization with its teams and tokens. First it is closed, so that no team can be added. Then its
    /// teams are deleted, which disables their tokens. The owners' team, its tokens and the organization go last, in
    /// one transaction: after an interruption before that, the owners can repeat the deletion. Rows that remain after
    /// it have no effect.
    ///
    /// The authorization is a condition of the first write; the audit entries are part of the last one.
    pub async fn delete_organization(&self, organization: &Organization, decision: &Decision) -> Result<Written> {
        let (table, code) = (&self.tables.identity, organization.id.organization());
        if !self.close_organization(organization, decision).await? {
            return Ok(Written::Outdated);
        }
        let Some(snapshot) = self.find_organization_with_tokens(code).await? else { return Ok(Written::Outdated) };
        // Its name may have changed since the caller read it.
        let organization = &snapshot.organization;
        let (owners, others): (Vec<&Team>, Vec<&Team>) = snapshot.teams.iter().partition(|team| team.owners);
        for team in others {
            self.transact_in_parts(&self.team_removal(team, organization.namespace)?).await?;
        }
        let of_owners = |token: &&TeamToken| match token.holder {
            TokenHolder::Organization => true,
            TokenHolder::Team(id) => owners.iter().any(|team| team.id == id),
        };
        let tokens = snapshot.tokens.iter().filter(|token| !of_owners(token)).map(|token| self.token_removal(token));
        let tokens = tokens.collect::<Result<Vec<_>>>()?.concat();
        self.transact_in_parts(&tokens).await?;
        let mut last =
            vec![self.organization_removal(organization)?, delete(table, codec::name_key(&organization.name))?];
        for team in owners {
            last.extend(self.team_removal(team, organization.namespace)?);
        }
        for audit_entry in &decision.notes {
            last.push(self.audit_write(audit_entry)?);
        }
        if !condition_held(self.transact_with_retries(last, 0).await)? {
            return Ok(Written::Outdated);
        }
        // `!` sorts before every letter. DynamoDB does not accept an empty sort key here.
        let left = self.rows_between(code, "!", "~").await?;
        let left = left.into_iter().map(|item| delete(table, key_of(item))).collect::<Result<Vec<_>>>()?;
        self.transact_in_parts(&left).await?;
        Ok(Written::Done)
    }

    /// Deletes an organization's row if it still has this name, because the row that reserves the name is deleted with
    /// it.
    fn organization_removal(&self, organization: &Organization) -> Result<TransactWriteItem> {
        let name = [(":name", s(organization.name.as_str()))];
        delete_if(&self.tables.identity, row_key(organization), ("#name = :name", name))
    }

    /// Marks an organization so that no team can be added. `false` if a condition failed.
    async fn close_organization(&self, organization: &Organization, decision: &Decision) -> Result<bool> {
        let close = Update::new(&self.tables.identity, row_key(organization), "SET closing = :yes")
            .condition("attribute_exists(pk)")
            .values([(":yes", AttributeValue::Bool(true))]);
        let authority = Decision { authority: decision.authority, notes: Vec::new() };
        Ok(self.write_decided(vec![close.in_transaction()?], &authority, 0).await??)
    }
}

fn row_key(organization: &Organization) -> Item {
    codec::key(organization.id.organization(), keys::ORGANIZATION)
}

fn key_of(mut item: Item) -> Item {
    item.retain(|name, _| name == keys::PK || name == keys::SK);
    item
}
