//! The seed of the key that encrypts the cursors of `iter`: one item for the whole deployment.

use crate::auth::SealingKeys;
use crate::domain::{Error, Result, SecretText};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, entity, s};
use crate::store::keys::{self, ONLY, PK, SK};

impl Store {
    /// The key that encrypts cursors. The first call of a deployment stores `fresh` as its seed. That never changes
    /// afterwards, so a process reads it and derives the key once.
    pub async fn cursor_keys(&self, fresh: impl FnOnce() -> Result<SecretText> + Send) -> Result<&SealingKeys> {
        let derive = async { SealingKeys::new(&self.find_or_create_seed(fresh).await?, []) };
        self.cursor_keys.get_or_try_init(|| Box::pin(derive)).await
    }

    async fn find_or_create_seed(&self, fresh: impl FnOnce() -> Result<SecretText>) -> Result<SecretText> {
        if let Some(item) = self.get(&self.tables.kv, s(keys::CURSOR_SEED), b(ONLY)).await? {
            return decode(&item);
        }
        let fresh = fresh()?;
        let key = Item::from([(PK.to_owned(), s(keys::CURSOR_SEED)), (SK.to_owned(), b(ONLY))]);
        let item = entity(key, "cursor-seed", [("seed", s(fresh.reveal()))]);
        match self.put_if(&self.tables.kv, item, "attribute_not_exists(pk)").await {
            Ok(()) => Ok(fresh),
            // Another sandbox stored a seed first, or an earlier attempt of this call did.
            Err(Failure::Condition(_)) => {
                let item = self.get(&self.tables.kv, s(keys::CURSOR_SEED), b(ONLY)).await?;
                decode(&item.ok_or(Error::corrupt_item("the seed of the cursor key is missing"))?)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

fn decode(item: &Item) -> Result<SecretText> {
    item.text("seed").map(|seed| SecretText::new(seed.to_owned()))
}
