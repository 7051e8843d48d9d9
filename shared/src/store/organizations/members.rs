//! The members of teams.

use std::collections::{BTreeMap, BTreeSet};

use super::super::client::Store;
use super::super::item::{Attributes, Item, key, n, s, ss};
use super::super::transaction::{delete, put, require};
use super::super::update::Update;
use super::super::{identities, keys, memberships};
use super::codec;
use super::decision::{Decision, Written};
use crate::domain::organization::Team;
use crate::domain::{Namespace, Profile, Result, UserId, Vcs};

impl Store {
    /// How many members one write adds or removes. Each takes a row, a condition and an audit entry.
    pub const MEMBERS_AT_ONCE: usize = 30;

    /// Adds users to a team, at most [`Self::MEMBERS_AT_ONCE`]. Each must be a member of the organization's
    /// installation.
    pub async fn add_members(
        &self,
        team: &Team,
        namespace: Namespace,
        users: &[UserId],
        decision: &Decision,
    ) -> Result<Written> {
        let table = &self.tables.identity;
        let update = Update::new(table, row_key(team), "ADD #users :users").condition("attribute_exists(pk)");
        let mut items = vec![update.values([(":users", ss(users))]).in_transaction()?];
        for user in users {
            items.push(put(table, codec::marker(codec::of_user_key(*user, team.id), "team-membership"))?);
            items.push(require(table, memberships::key(*user, namespace), "attribute_exists(pk)")?);
        }
        let written = self.write_decided(items, decision, 0).await?;
        Ok(if written? { Written::Done } else { Written::Outdated })
    }

    /// Removes users from a team, at most [`Self::MEMBERS_AT_ONCE`]. All must be in the team. Nothing is written if the
    /// team is the owners' and would become empty.
    pub async fn remove_members(&self, team: &Team, users: &[UserId], decision: &Decision) -> Result<Written> {
        let table = &self.tables.identity;
        let mut update = Update::new(table, row_key(team), "DELETE #users :users").values([(":users", ss(users))]);
        let mut conditions = vec!["attribute_exists(pk)".to_owned()];
        if team.owners {
            conditions.push("size(#users) > :count".to_owned());
            update = update.values([(":count", n(users.len()))]);
            for (number, user) in users.iter().enumerate() {
                conditions.push(format!("contains(#users, :user{number})"));
                update = update.values([(format!(":user{number}"), s(user.to_string()))]);
            }
        }
        let mut items = vec![update.condition(conditions.join(" AND ")).in_transaction()?];
        for user in users {
            items.push(delete(table, codec::of_user_key(*user, team.id))?);
        }
        let written = self.write_decided(items, decision, 0).await?;
        Ok(if written? { Written::Done } else { Written::Outdated })
    }

    /// The members of an installation who last signed in at its provider with these logins.
    pub async fn find_members_by_login(
        &self,
        namespace: Namespace,
        logins: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, UserId>> {
        let table = &self.tables.identity;
        let wanted = logins.iter().map(|login| key(keys::login(namespace.vcs, login), keys::LOGIN)).collect();
        let rows = self.get_batch(table, wanted, None).await?;
        let users = rows.iter().map(|row| row.parsed("user")).collect::<Result<BTreeSet<UserId>>>()?;
        let profiles = self.find_profiles(&users, namespace.vcs).await?;
        let wanted = users.iter().map(|user| memberships::key(*user, namespace)).collect();
        let rows = self.get_batch(table, wanted, None).await?;
        let members = rows.iter().map(user_of).collect::<Result<BTreeSet<_>>>()?;
        let found = profiles.into_iter().filter(|(user, _)| members.contains(user));
        let found = found.map(|(user, profile)| (profile.login, user));
        Ok(found.filter(|(login, _)| logins.contains(login)).collect())
    }

    /// The profiles of users as of their last sign-in at a provider. Users who never signed in there are left out.
    pub async fn find_profiles(&self, users: &BTreeSet<UserId>, vcs: Vcs) -> Result<BTreeMap<UserId, Profile>> {
        let wanted = users.iter().map(|user| identities::row_key(*user, vcs)).collect();
        let rows = self.get_batch(&self.tables.identity, wanted, None).await?;
        let profile = |row: &Item| {
            let user = user_of(row)?;
            Ok((user, identities::decode(user, vcs, row)?.profile))
        };
        rows.iter().map(profile).collect()
    }
}

fn user_of(row: &Item) -> Result<UserId> {
    keys::parse_user(row.text(keys::PK)?).ok_or_else(codec::damaged)
}

fn row_key(team: &Team) -> Item {
    codec::key(team.id.organization(), keys::team(team.id))
}
