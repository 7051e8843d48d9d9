//! The members of teams.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, TransactWriteItem, Update};

use super::super::client::Store;
use super::super::error::Failure;
use super::super::item::{Attributes, Item, s, ss};
use super::super::transaction::{delete, malformed, put, require};
use super::super::{identities, keys, memberships};
use super::codec;
use super::decision::{Decision, Written};
use crate::domain::organization::Team;
use crate::domain::{Error, Namespace, Profile, Result, UserId, Vcs};

/// How many items one batch read takes (a limit of DynamoDB).
const BATCH: usize = 100;

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
        let update = Update::builder().table_name(table).set_key(Some(row_key(team)));
        let update = update.update_expression("ADD #users :users").condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_names("#users", "users");
        let update = update.expression_attribute_values(":users", ss(users)).build().map_err(malformed)?;
        let mut items = vec![TransactWriteItem::builder().update(update).build()];
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
        let mut update = Update::builder().table_name(table).set_key(Some(row_key(team)));
        update = update.update_expression("DELETE #users :users").expression_attribute_names("#users", "users");
        update = update.expression_attribute_values(":users", ss(users));
        let mut conditions = vec!["attribute_exists(pk)".to_owned()];
        if team.owners {
            conditions.push("size(#users) > :count".to_owned());
            update = update.expression_attribute_values(":count", AttributeValue::N(users.len().to_string()));
            for (number, user) in users.iter().enumerate() {
                conditions.push(format!("contains(#users, :user{number})"));
                update = update.expression_attribute_values(format!(":user{number}"), s(user.to_string()));
            }
        }
        let update = update.condition_expression(conditions.join(" AND ")).build().map_err(malformed)?;
        let mut items = vec![TransactWriteItem::builder().update(update).build()];
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
        let key = |login: &String| pair(keys::login(namespace.vcs, login), keys::LOGIN.to_owned());
        let rows = self.read_batch(logins.iter().map(key).collect()).await?;
        let users = rows.iter().map(|row| row.parsed("user")).collect::<Result<BTreeSet<UserId>>>()?;
        let profiles = self.find_profiles(&users, namespace.vcs).await?;
        let rows = self.read_batch(users.iter().map(|user| memberships::key(*user, namespace)).collect()).await?;
        let members = rows.iter().map(user_of).collect::<Result<BTreeSet<_>>>()?;
        let found = profiles.into_iter().filter(|(user, _)| members.contains(user));
        let found = found.map(|(user, profile)| (profile.login, user));
        Ok(found.filter(|(login, _)| logins.contains(login)).collect())
    }

    /// The profiles of users as of their last sign-in at a provider. Users who never signed in there are left out.
    pub async fn find_profiles(&self, users: &BTreeSet<UserId>, vcs: Vcs) -> Result<BTreeMap<UserId, Profile>> {
        let key = |user: &UserId| pair(keys::user(*user), keys::identity_of_user(vcs));
        let rows = self.read_batch(users.iter().map(key).collect()).await?;
        let profile = |row: &Item| {
            let user = user_of(row)?;
            Ok((user, identities::decode(user, vcs, row)?.profile))
        };
        rows.iter().map(profile).collect()
    }

    /// The rows of the identity table that exist under these keys. Strongly consistent.
    async fn read_batch(&self, keys: Vec<Item>) -> Result<Vec<Item>> {
        let mut rows = Vec::new();
        for part in keys.chunks(BATCH) {
            let mut wanted = part.to_vec();
            while !wanted.is_empty() {
                let keys = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
                let keys = keys.map_err(|error| Error::internal("reading people", error))?;
                let request = self.db.batch_get_item().request_items(&self.tables.identity, keys);
                let answer = request.send().await.map_err(Failure::of)?;
                rows.extend(answer.responses.into_iter().flat_map(HashMap::into_values).flatten());
                let mut left = answer.unprocessed_keys.unwrap_or_default();
                wanted = left.remove(&self.tables.identity).map(|keys| keys.keys).unwrap_or_default();
            }
        }
        Ok(rows)
    }
}

fn user_of(row: &Item) -> Result<UserId> {
    keys::parse_user(row.text(keys::PK)?).ok_or_else(codec::damaged)
}

fn pair(pk: String, sk: String) -> Item {
    Item::from([(keys::PK.into(), s(pk)), (keys::SK.into(), s(sk))])
}

fn row_key(team: &Team) -> Item {
    codec::key(team.id.organization(), keys::team(team.id))
}
