//! People.

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, json, n, s};
use super::keys;
use crate::domain::{Result, UserId, Vcs};

/// A person, as far as other pages need to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the person.
    pub id: UserId,
    /// The systems on which they have signed in, in the order of [`Vcs::ALL`].
    pub vcs: Vec<Vcs>,
    /// Whether they may use the administration routes.
    pub administrator: bool,
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
        put.item("administrator", json(&user.administrator)?).send().await.map_err(Failure::of)?;
        Ok(())
    }
}

fn decode(id: UserId, item: &Item) -> Result<User> {
    Ok(User { id, vcs: item.parsed("vcs")?, administrator: item.parsed("administrator")? })
}
