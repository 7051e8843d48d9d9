//! Creates, changes and deletes teams, and finds the owners of an organization.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, json, s};
use super::super::keys;
use super::super::memberships;
use super::super::transaction::{delete, delete_existing, put, put_new, require};
use super::changes::Changes;
use super::codec;
use super::decision::{Decision, Written};
use crate::domain::organization::{
    Organization, OrganizationAccessChange, OrganizationCode, Team, TeamId, TeamName, TokenHolder, Visibility,
};
use crate::domain::{Capabilities, Namespace, Result, UserId};

/// The attribute of an organization's row that names its owners' team. It never changes.
pub(super) const OWNERS_TEAM: &str = "owners_team";

/// An organization and the members of its owners' team. The organization works only while at least one of them is a member
/// of its installation.
#[derive(Clone, Debug)]
pub struct Ownership {
    pub organization: Organization,
    pub owners: BTreeSet<UserId>,
}

/// The new values. Absent ones stay as they are.
#[derive(Clone, Debug, Default)]
pub struct TeamChange {
    pub name: Option<TeamName>,
    pub visibility: Option<Visibility>,
    pub allow_member_token_management: Option<bool>,
    /// Its permissions in the organization.
    pub access: OrganizationAccessChange,
    /// The capabilities of its access tokens.
    pub capabilities: Option<Capabilities>,
}

impl TeamChange {
    /// Only the values that differ from the current ones. A client that sends back everything it has read changes
    /// nothing.
    #[must_use]
    pub fn differing_from(self, team: &Team) -> Self {
        Self {
            name: self.name.filter(|new| *new != team.name),
            visibility: self.visibility.filter(|new| *new != team.visibility),
            allow_member_token_management: self
                .allow_member_token_management
                .filter(|new| *new != team.allow_member_token_management),
            access: self.access.differing_from(team.access),
            capabilities: self.capabilities.filter(|new| *new != team.capabilities),
        }
    }
}

impl Store {
    /// Creates a team in an organization of `namespace`, and makes the team's service user a member there.
    /// [`Written::Outdated`] also if the organization has been deleted or is being deleted.
    pub async fn create_team(&self, team: &Team, namespace: Namespace, decision: &Decision) -> Result<Written> {
        let organization = codec::key(team.id.organization(), keys::ORGANIZATION);
        let open = "attribute_exists(pk) AND attribute_not_exists(closing)";
        let mut items = vec![require(&self.tables.identity, organization, open)?];
        items.extend(self.new_team(team, namespace)?);
        let written = self.write_decided(items, decision, 0).await?;
        self.team_outcome(written, team.id, Some(&team.name)).await
    }

    /// Strongly consistent.
    pub async fn find_team(&self, id: TeamId) -> Result<Option<Team>> {
        let (pk, sk) = (s(keys::organization(id.organization())), s(keys::team(id)));
        let item = self.get(&self.tables.identity, pk, sk).await?;
        item.map(|item| codec::team(&item)).transpose()
    }

    /// An organization with its owners. Strongly consistent. Costs two reads, or a read and a query if the organization
    /// was written before its row named the owners' team.
    pub async fn find_ownership(&self, code: OrganizationCode) -> Result<Option<Ownership>> {
        let (pk, sk) = (s(keys::organization(code)), s(keys::ORGANIZATION));
        let Some(item) = self.get(&self.tables.identity, pk, sk).await? else { return Ok(None) };
        let team = item.find_text(OWNERS_TEAM).map(|id| TeamId::parse(id).ok_or_else(codec::damaged)).transpose()?;
        let owners = match team {
            Some(team) => self.find_team(team).await?.map(|team| team.users),
            None => self.find_organization_snapshot(code).await?.map(|snapshot| snapshot.owners()),
        };
        Ok(Some(Ownership { organization: codec::organization(&item)?, owners: owners.unwrap_or_default() }))
    }

    /// Changes a team. Only the attributes that `change` names are written; an empty change writes nothing.
    pub async fn update_team(&self, old: &Team, change: &TeamChange, decision: &Decision) -> Result<Written> {
        let table = &self.tables.identity;
        let mut changes = Changes::default();
        changes.set("name", change.name.as_ref().map(|name| s(name.as_str())));
        changes.set("visibility", change.visibility.as_ref().map(json).transpose()?);
        changes.set("token_management", change.allow_member_token_management.map(AttributeValue::Bool));
        changes.set("capabilities", change.capabilities.as_ref().map(json).transpose()?);
        changes.flags(codec::ACCESS_FLAG, change.access.each());
        if changes.is_empty() {
            return Ok(Written::Done);
        }
        let renamed = change.name.as_ref().map(|_| s(old.name.as_str()));
        let mut items = vec![changes.update(table, row_key(old.id), renamed)?];
        if let Some(name) = &change.name {
            items.push(delete_existing(table, name_key(old.id, &old.name))?);
            items.push(put_new(table, codec::marker(name_key(old.id, name), "team-name"))?);
        }
        let written = self.write_decided(items, decision, 0).await?;
        self.team_outcome(written, old.id, change.name.as_ref()).await
    }

    /// Deletes a team. From the first write on, its tokens are neither accepted nor listed; their rows are deleted
    /// next. [`Written::Outdated`] also if the team has been deleted or renamed.
    pub async fn delete_team(&self, team: &Team, namespace: Namespace, decision: &Decision) -> Result<Written> {
        let table = &self.tables.identity;
        let first =
            vec![delete_existing(table, row_key(team.id))?, delete_existing(table, name_key(team.id, &team.name))?];
        let written = self.write_decided(first, decision, 0).await?;
        if !written? {
            return Ok(Written::Outdated);
        }
        let mut rest = self.team_removal(team, namespace)?;
        let snapshot = self.find_organization_with_tokens(team.id.organization()).await?;
        let tokens = snapshot.map(|snapshot| snapshot.tokens).unwrap_or_default();
        for token in tokens.iter().filter(|token| token.holder == TokenHolder::Team(team.id)) {
            rest.extend(self.token_removal(token)?);
        }
        self.transact_in_parts(&rest).await?;
        Ok(Written::Done)
    }

    /// Translates the outcome of a write that gives a team this name.
    async fn team_outcome(
        &self,
        written: Result<bool, Failure>,
        id: TeamId,
        name: Option<&TeamName>,
    ) -> Result<Written> {
        Ok(match (written?, name) {
            (true, _) => Written::Done,
            (false, Some(name)) if self.team_name_taken(id, name).await? => Written::Taken,
            (false, _) => Written::Outdated,
        })
    }

    /// The writes that create a team.
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

    /// The writes that delete the rows that refer to a team, and the team's row if it still exists.
    pub(super) fn team_removal(&self, team: &Team, namespace: Namespace) -> Result<Vec<TransactWriteItem>> {
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

pub(super) fn row_key(id: TeamId) -> Item {
    codec::key(id.organization(), keys::team(id))
}

pub(super) fn name_key(id: TeamId, name: &TeamName) -> Item {
    codec::key(id.organization(), keys::team_name(name))
}
