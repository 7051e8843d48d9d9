//! The seed of the key that encrypts the cursors of `iter`: one item for the whole deployment.

use crate::domain::{Error, Result, SecretText};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK};

impl Store {
    /// The seed. The first call of a deployment stores `fresh` as the seed. It never changes afterwards, so a process
    /// reads it once.
    pub async fn cursor_seed(&self, fresh: SecretText) -> Result<&SecretText> {
        self.cursor_seed.get_or_try_init(|| self.find_or_create_seed(fresh)).await
    }

    async fn find_or_create_seed(&self, fresh: SecretText) -> Result<SecretText> {
        if let Some(item) = self.get(&self.tables.kv, s(keys::CURSOR_SEED), b(ONLY)).await? {
            return decode(&item);
        }
        let put = self.db.put_item().table_name(&self.tables.kv).item(PK, s(keys::CURSOR_SEED)).item(SK, b(ONLY));
        let put = put.item("entity", s("cursor-seed")).item("schema", n(1)).item("seed", s(fresh.reveal()));
        match put.condition_expression("attribute_not_exists(pk)").send().await.map_err(Failure::of_put) {
            Ok(_) => Ok(fresh),
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
