//! The public halves of the signing keys. Signers and the key rotation publish them; every verifier reads them.

use aws_sdk_dynamodb::types::ReturnValue;

use super::client::Store;
use super::error::Failure;
use super::item::{Attributes, Item, b, n, s};
use super::keys;
use crate::auth::PublicKey;
use crate::domain::{Error, Millis, Result, Seconds};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedKey {
    pub key: PublicKey,
    /// When it was published, which is when verifiers could first find it.
    pub since: Millis,
    /// When verifiers stop trusting it. Absent while it has no end.
    pub until: Option<Seconds>,
}

impl PublishedKey {
    pub fn trusted_at(&self, now: Seconds) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl Store {
    /// Publishes a key and returns it as stored. Repeating this changes neither the time of publication nor the end of
    /// the key: a signer that does not know the next key yet publishes its own again.
    pub async fn publish_key(&self, key: &PublicKey, now: Millis) -> Result<PublishedKey> {
        let update = self.db.update_item().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::PUBLIC_KEYS)).key(keys::SK, s(&key.kid));
        let update = update.update_expression(
            "SET entity = :entity, #schema = :schema, x = :x, published_at = if_not_exists(published_at, :now)",
        );
        let update = update.expression_attribute_names("#schema", "schema");
        let update = update.expression_attribute_values(":entity", s("public-key"));
        let update =
            update.expression_attribute_values(":schema", n(1)).expression_attribute_values(":x", b(key.bytes));
        let update = update.expression_attribute_values(":now", n(now.0)).return_values(ReturnValue::AllNew);
        decode(&update.send().await.map_err(Failure::of_update)?.attributes.unwrap_or_default())
    }

    /// Gives a key an end, unless it has one. Verifiers do not trust it after that. The row stays: if DynamoDB removed
    /// it, a signer could publish the key again without an end.
    pub async fn retire_key(&self, kid: &str, until: Seconds) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::PUBLIC_KEYS)).key(keys::SK, s(kid));
        let update = update.update_expression("SET ends_at = :until").expression_attribute_names("#ttl", keys::TTL);
        let update = update.expression_attribute_values(":until", n(until.0));
        let update = update.condition_expression(
            "attribute_exists(pk) AND attribute_not_exists(ends_at) AND attribute_not_exists(#ttl)",
        );
        match update.send().await.map_err(Failure::of_update) {
            Ok(_) | Err(Failure::Condition(_)) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Removes the end of a published key. Only an explicit rollback does this.
    pub async fn reinstate_key(&self, kid: &str) -> Result<()> {
        let update = self.db.update_item().table_name(&self.tables.identity);
        let update = update.key(keys::PK, s(keys::PUBLIC_KEYS)).key(keys::SK, s(kid));
        let update = update.update_expression("REMOVE ends_at, #ttl").expression_attribute_names("#ttl", keys::TTL);
        update.condition_expression("attribute_exists(pk)").send().await.map_err(Failure::of_update)?;
        Ok(())
    }

    /// The published keys that are trusted at `now`.
    pub async fn list_published_keys(&self, now: Seconds) -> Result<Vec<PublishedKey>> {
        let query = self.db.query().table_name(&self.tables.identity).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", s(keys::PUBLIC_KEYS));
        let items = query.send().await.map_err(Failure::of)?.items.unwrap_or_default();
        let keys = items.iter().map(decode).filter(|key| key.as_ref().map_or(true, |key| key.trusted_at(now)));
        keys.collect()
    }

    /// As [`Self::list_published_keys`], only the keys.
    pub async fn list_public_keys(&self, now: Seconds) -> Result<Vec<PublicKey>> {
        Ok(self.list_published_keys(now).await?.into_iter().map(|published| published.key).collect())
    }
}

fn decode(item: &Item) -> Result<PublishedKey> {
    let bytes = item.bytes("x")?.try_into().map_err(|_| Error::corrupt_item("a public key has the wrong length"))?;
    Ok(PublishedKey {
        key: PublicKey { kid: item.text(keys::SK)?.to_owned(), bytes },
        since: Millis(item.find_number("published_at").unwrap_or_default()),
        // Older rows have no `ends_at`: their time-to-live was the end of the key.
        until: item.find_number("ends_at").or_else(|| item.find_number(keys::TTL)).map(Seconds),
    })
}
