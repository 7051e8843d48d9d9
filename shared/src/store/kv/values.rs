//! Where values go: small ones into the item, large ones into an object of their own.

use bytes::Bytes;
use uuid::Uuid;

use super::item;
use crate::domain::kv::{Address, BlobRef, Payload};
use crate::domain::{Error, Millis, Namespace, Result};
use crate::store::client::Store;
use crate::store::error::Failure;
use crate::store::item::{Attributes, Item, b, n, s};
use crate::store::keys::{self, ONLY, PK, SK, TTL};

/// The largest value kept in the item, in bytes: beyond it, counting and listing would read mostly values.
const INLINE_BYTES: usize = 16 * 1024;
/// How long an object may wait for its record, in seconds. A write takes seconds; this is far beyond.
const INTENT_SECONDS: i64 = 3_600;

impl Store {
    /// Stores a value's text where it belongs. A large one is an object before anything points at it; an intent that
    /// expires makes the worker look after it if nothing ever does.
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

    /// A value's text; `None` when its object is gone because the record has moved on.
    pub async fn find_value(&self, payload: Payload) -> Result<Option<String>> {
        match payload {
            Payload::Inline(text) => Ok(Some(text)),
            Payload::NotRead => Err(Error::corrupt_item("a record has no value")),
            Payload::Blob(name) => {
                let Some(bytes) = self.blobs.find(&name).await? else { return Ok(None) };
                String::from_utf8(bytes.into())
                    .map(Some)
                    .map_err(|error| Error::internal("a stored value is not text", error))
            }
        }
    }

    /// Removes an object that no record points at any longer.
    pub async fn delete_value(&self, name: &str) -> Result<()> {
        self.blobs.delete(&BlobRef(name.into())).await
    }

    /// Settles an expired intent: removes its object unless the record came to point at it. `partition` and
    /// `sort_key` are the record's.
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
