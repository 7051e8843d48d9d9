//! The seed of the key that seals the cursors of listings: one item for the whole deployment.

use crate::domain::{Error, Result, SecretText};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK};

impl Store {
    /// The seed. The first caller of a deployment makes `fresh` the seed; it never changes afterwards, so a process reads
    /// it once.
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
            // Another sandbox was first, or an earlier attempt of this call was stored.
            Err(Failure::Condition(_)) => {
                let item = self.get(&self.tables.kv, s(keys::CURSOR_SEED), b(ONLY)).await?;
                decode(&item.ok_or(Error::corrupt_item("the seed of cursors has gone"))?)
            }
            Err(failure) => Err(failure.into()),
        }
    }
}

fn decode(item: &Item) -> Result<SecretText> {
    item.text("seed").map(|seed| SecretText::new(seed.to_owned()))
}
