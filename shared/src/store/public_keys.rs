//! The public halves of the signing keys. Signers and the key rotation publish them; every verifier reads them.

use aws_sdk_dynamodb::types::ReturnValue;

use super::client::Store;
use super::item::{Attributes, Item, b, key, n, s};
use super::keys;
use super::query::Query;
use super::update::Update;
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
    pub async fn publish_key(&self, public: &PublicKey, now: Millis) -> Result<PublishedKey> {
        let set = "SET entity = :entity, #schema = :schema, x = :x, published_at = if_not_exists(published_at, :now)";
        let values = [(":entity", s("public-key")), (":schema", n(1)), (":x", b(public.bytes)), (":now", n(now.0))];
        let update = self.key_update(&public.kid, set).values(values).returning(ReturnValue::AllNew);
        decode(&update.send(self).await?)
    }

    /// Gives a key an end, unless it has one. Verifiers do not trust it after that. The row stays: if DynamoDB removed
    /// it, a signer could publish the key again without an end.
    pub async fn retire_key(&self, kid: &str, until: Seconds) -> Result<()> {
        let endless = "attribute_exists(pk) AND attribute_not_exists(ends_at) AND attribute_not_exists(#ttl)";
        let update = self.key_update(kid, "SET ends_at = :until").condition(endless);
        update.values([(":until", n(until.0))]).applied(self).await.map(drop)
    }

    /// Removes the end of a published key. Only an explicit rollback does this.
    pub async fn reinstate_key(&self, kid: &str) -> Result<()> {
        self.key_update(kid, "REMOVE ends_at, #ttl").condition("attribute_exists(pk)").send(self).await?;
        Ok(())
    }

    fn key_update(&self, kid: &str, expression: &str) -> Update {
        Update::new(&self.tables.identity, key(keys::PUBLIC_KEYS, kid), expression)
    }

    /// The published keys that are trusted at `now`.
    pub async fn list_published_keys(&self, now: Seconds) -> Result<Vec<PublishedKey>> {
        let query = Query::new(&self.tables.identity, "pk = :pk", [(":pk", s(keys::PUBLIC_KEYS))]);
        let items = query.page(self).await?.items;
        let keys = items.iter().map(decode).filter(|key| key.as_ref().map_or(true, |key| key.trusted_at(now)));
        keys.collect()
    }

    /// As [`Self::list_published_keys`], only the keys.
    pub async fn list_public_keys(&self, now: Seconds) -> Result<Vec<PublicKey>> {
        Ok(self.list_published_keys(now).await?.into_iter().map(|published| published.key).collect())
    }
}

pub(super) fn decode(item: &Item) -> Result<PublishedKey> {
    let bytes = item.bytes("x")?.try_into().map_err(|_| Error::corrupt_item("a public key has the wrong length"))?;
    Ok(PublishedKey {
        key: PublicKey { kid: item.text(keys::SK)?.to_owned(), bytes },
        since: Millis(item.find_number("published_at").unwrap_or_default()),
        // Older rows have no `ends_at`: their time-to-live was the end of the key.
        until: item.find_number("ends_at").or_else(|| item.find_number(keys::TTL)).map(Seconds),
    })
}
