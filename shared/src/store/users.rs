//! People.

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, json, n, s};
use super::keys;
use super::transaction::{delete, put};
use crate::domain::{Result, UserId, Vcs};

/// A person, as far as other pages need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the person.
    pub id: UserId,
    /// The systems on which they have signed in, in the order of [`Vcs::ALL`].
    pub vcs: Vec<Vcs>,
}

impl Store {
    /// The person, if known.
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>> {
        let item = self.get(&self.tables.identity, s(keys::user(id)), s(keys::PROFILE)).await?;
        item.map(|item| decode(id, &item)).transpose()
    }

    /// Writes a person, in place of what was known.
    pub async fn put_user(&self, user: &User) -> Result<()> {
        let put = self.db.put_item().table_name(&self.tables.identity);
        let put = put.item(keys::PK, s(keys::user(user.id))).item(keys::SK, s(keys::PROFILE));
        let put = put.item("entity", s("user")).item("schema", n(1)).item("vcs", json(&user.vcs)?);
        put.send().await.map_err(Failure::of)?;
        Ok(())
    }

    /// Whether a person is an administrator at this moment; strongly consistent.
    pub async fn is_administrator(&self, id: UserId) -> Result<bool> {
        let item = self.get(&self.tables.identity, s(keys::administrator(id)), s(keys::ADMINISTRATOR)).await?;
        Ok(item.is_some())
    }

    /// Makes a person an administrator, or ends that.
    pub async fn set_administrator(&self, id: UserId, administrator: bool) -> Result<()> {
        let table = &self.tables.identity;
        let write =
            if administrator { put(table, administrator_row(id))? } else { delete(table, administrator_key(id))? };
        Ok(self.transact(vec![write]).await?)
    }
}

/// The row that makes a person an administrator. It has a partition of its own, because a role's policy can name partitions
/// and nothing smaller: only sign-in may write these.
pub(super) fn administrator_row(id: UserId) -> Item {
    let mut row = administrator_key(id);
    row.extend([("entity".into(), s("administrator")), ("schema".into(), n(1))]);
    row
}

pub(super) fn administrator_key(id: UserId) -> Item {
    Item::from([(keys::PK.to_owned(), s(keys::administrator(id))), (keys::SK.to_owned(), s(keys::ADMINISTRATOR))])
}

fn decode(id: UserId, item: &Item) -> Result<User> {
    Ok(User { id, vcs: item.parsed("vcs")? })
}
