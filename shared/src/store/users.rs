//! Users.

use super::client::Store;
use super::item::{self, Attributes, Item, json, s};
use super::keys;
use super::transaction::{delete, put};
use crate::domain::{Result, UserId, Vcs};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// The providers at which the user has signed in, in the order of [`Vcs::ALL`].
    pub vcs: Vec<Vcs>,
}

impl Store {
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>> {
        let item = self.get(&self.tables.identity, s(keys::user(id)), s(keys::PROFILE)).await?;
        item.map(|item| decode(id, &item)).transpose()
    }

    /// Writes a user, replacing what was stored.
    pub async fn put_user(&self, user: &User) -> Result<()> {
        let key = item::key(keys::user(user.id), keys::PROFILE);
        self.put(&self.tables.identity, item::entity(key, "user", [("vcs", json(&user.vcs)?)])).await
    }

    /// Whether a user is an administrator. Strongly consistent.
    pub async fn is_administrator(&self, id: UserId) -> Result<bool> {
        let item = self.get(&self.tables.identity, s(keys::administrator(id)), s(keys::ADMINISTRATOR)).await?;
        Ok(item.is_some())
    }

    /// Makes a user an administrator, or revokes that.
    pub async fn set_administrator(&self, id: UserId, administrator: bool) -> Result<()> {
        let table = &self.tables.identity;
        let write =
            if administrator { put(table, administrator_row(id))? } else { delete(table, administrator_key(id))? };
        Ok(self.transact(vec![write]).await?)
    }
}

/// The row that makes a user an administrator. It has its own partition because an IAM policy can restrict writes by
/// partition key only: no function but sign-in may write these rows.
pub(super) fn administrator_row(id: UserId) -> Item {
    item::entity(administrator_key(id), "administrator", [])
}

pub(super) fn administrator_key(id: UserId) -> Item {
    item::key(keys::administrator(id), keys::ADMINISTRATOR)
}

pub(super) fn decode(id: UserId, item: &Item) -> Result<User> {
    Ok(User { id, vcs: item.parsed("vcs")? })
}
