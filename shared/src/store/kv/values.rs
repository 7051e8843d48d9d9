//! Stores values: small ones in the item, large ones as an object.

use bytes::Bytes;
use uuid::Uuid;

use super::item;
use crate::domain::kv::{Address, BlobRef, Payload};
use crate::domain::{Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK, TTL};

/// The largest value in bytes that is stored in the item. Above that, counting and listing would mostly read values.
const INLINE_BYTES: usize = 16 * 1024;
/// How many seconds an object may exist before a record refers to it. A write takes seconds at most.
const INTENT_SECONDS: i64 = 3_600;

impl Store {
    /// Stores the text of a value. A large value is written to object storage before any record refers to it. Before
    /// that, an intent is written: when it expires, the worker deletes the object unless a record refers to it.
    pub async fn put_value(
        &self,
        namespace: Namespace,
        address: &Address,
        text: String,
        id: Uuid,
        now: Millis,
    ) -> Result<Payload> {
        if text.len() <= INLINE_BYTES {
            return Ok(Payload::Inline(text));
        }
        let name = format!("{}/{}/{}", namespace.vcs, namespace.installation, id.simple());
        let intent = self.db.put_item().table_name(&self.tables.kv);
        let intent = intent.item(PK, s(keys::blob_intent(&name))).item(SK, b(ONLY));
        let intent = intent.item("entity", s("blob-intent")).item("schema", n(1)).item("blob", s(&name));
        let intent = intent.item("record_pk", s(keys::records(namespace))).item("record_sk", b(keys::record(address)));
        intent.item(TTL, n(now.seconds().plus(INTENT_SECONDS).0)).send().await.map_err(Failure::of)?;
        let name = BlobRef(name);
        self.blobs.put(&name, Bytes::from(text)).await?;
        Ok(Payload::Blob(name))
    }

    /// The text of a value. `None` if its object has been deleted, because the record no longer refers to it.
    pub async fn find_value(&self, payload: Payload) -> Result<Option<String>> {
        match payload {
            Payload::Inline(text) => Ok(Some(text)),
            Payload::NotRead => Err(Error::corrupt_item("a record's value was not read")),
            Payload::Blob(name) => {
                let Some(bytes) = self.blobs.find(&name).await? else { return Ok(None) };
                String::from_utf8(bytes.into())
                    .map(Some)
                    .map_err(|error| Error::internal("a stored value is not UTF-8", error))
            }
        }
    }

    /// Deletes an object that no record refers to.
    pub async fn delete_value(&self, name: &str) -> Result<()> {
        self.blobs.delete(&BlobRef(name.into())).await
    }

    /// Processes an expired intent: deletes its object unless the record refers to it. `partition` and `sort_key` are
    /// those of the record.
    pub async fn settle_blob_intent(&self, blob: &str, partition: &str, sort_key: &[u8]) -> Result<()> {
        let record = self.get(&self.tables.kv, s(partition), b(sort_key)).await?;
        let name = BlobRef(blob.into());
        if record.as_ref().is_some_and(|record| item::blobs(record).any(|held| held == name)) {
            return Ok(());
        }
        self.blobs.delete(&name).await
    }

    pub(super) async fn find_item(&self, namespace: Namespace, address: &Address) -> Result<Option<Item>> {
        let item = self.get(&self.tables.kv, s(keys::records(namespace)), b(keys::record(address))).await?;
        Ok(item.filter(|item| item.find_text("entity").is_some()))
    }
}
