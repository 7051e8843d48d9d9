//! The public halves of the signing keys, published by the exchange function for everybody who verifies.

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, b, n, s};
use super::keys;
use crate::auth::PublicKey;
use crate::domain::{Error, Result};

impl Store {
    /// Publishes keys. Publishing one twice changes nothing.
    pub async fn put_public_keys(&self, public: &[PublicKey]) -> Result<()> {
        for key in public {
            let put = self.db.put_item().table_name(&self.tables.identity);
            let put = put.item(keys::PK, s(keys::PUBLIC_KEYS)).item(keys::SK, s(&key.kid));
            let put = put.item("entity", s("public-key")).item("schema", n(1)).item("x", b(key.bytes));
            put.send().await.map_err(Failure::of)?;
        }
        Ok(())
    }

    /// The published keys.
    pub async fn list_public_keys(&self) -> Result<Vec<PublicKey>> {
        let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", s(keys::PUBLIC_KEYS));
        let items = query.send().await.map_err(Failure::of)?.items.unwrap_or_default();
        let decode = |item: &super::item::Item| {
            let bytes = item.bytes("x")?.try_into().map_err(|_| Error::corrupt("a public key has another length"))?;
            Ok(PublicKey { kid: item.text(keys::SK)?.to_owned(), bytes })
        };
        items.iter().map(decode).collect()
    }
}
