//! The checks of the KV table.

use super::head::{Head, decode_entries};
use super::item;
use crate::domain::Result;
use crate::domain::kv::{BlobRef, Payload, Side};
use crate::store::check::Check;
use crate::store::item::{Attributes, b};
use crate::store::keys::{self, SK, TTL};

impl Check<'_> {
    /// `false` if there is no such entity here.
    pub(in crate::store) async fn kv_item(&mut self, entity: &str) -> Result<bool> {
        match entity {
            item::ENTITY => self.record(),
            "commit-head" => self.commit_head().await?,
            "commit-part" => self.commit_part(),
            "blob-intent" => self.blob_intent(),
            "cursor-seed" => _ = self.decoded(self.item.text("seed")),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Has a value on each side, of the recorded size.
    fn record(&mut self) {
        let namespace = keys::parse_records(self.partition());
        self.require(namespace.is_some(), "its key names no installation");
        let address = self.item.find_bytes(SK).and_then(keys::parse_record);
        self.require(address.is_some(), "its key is no key of a record");
        self.require(self.item.find_number::<i64>(TTL).is_some(), "it has no time-to-live");
        let Some(record) = self.decoded(item::decode(self.item)) else { return };
        if let Some(live) = &record.live {
            self.side("value", live);
        }
        if let Some(draft) = &record.draft {
            self.side("draft", &draft.side);
        }
    }

    fn side(&mut self, which: &str, Side { slot, .. }: &Side) {
        let found = match &slot.payload {
            Payload::Inline(text) => Ok(text.len() as u64),
            Payload::Blob(name) => match (self.object_size)(name) {
                Ok(found) => Ok(found),
                // An expired record may have lost its value already.
                Err(_) if self.expired() => return,
                Err(error) => Err(format!("the object {} of its {which} cannot be read: {error}", name.0)),
            },
            Payload::NotRead => Err(format!("it has no {which}")),
        };
        match found {
            Ok(found) if found == slot.size_bytes => {}
            Ok(found) => self.problem(format!("its {which} has {found} bytes instead of {}", slot.size_bytes)),
            Err(problem) => self.problem(problem),
        }
    }

    /// Names only commits whose parts exist.
    async fn commit_head(&mut self) -> Result<()> {
        let namespace = keys::parse_head(self.partition());
        let Some(namespace) = self.present(namespace, "its key names no installation") else { return Ok(()) };
        let Some(head) = self.decoded(Head::decode(Some(self.item))) else { return Ok(()) };
        for commit in head.commits.keys() {
            let parts = self.store.commit_entries(namespace, *commit).await;
            if let Some(parts) = self.decoded(parts) {
                self.require(parts.is_some(), &format!("parts of the commit {} are missing", commit.simple()));
            }
        }
        Ok(())
    }

    fn commit_part(&mut self) {
        self.require(self.partition().contains("#commit#"), "its key names no commit");
        self.decoded(self.item.number::<usize>("parts"));
        let entries = self.item.find_bytes("entries").and_then(decode_entries);
        self.require(entries.is_some(), "its entries cannot be read");
    }

    /// Names its own object, and the record that may refer to it.
    fn blob_intent(&mut self) {
        let blob = self.item.find_text("blob").map(keys::blob_intent);
        self.require(blob.as_deref() == Some(self.partition()), "its key does not agree with its contents");
        let record = self.item.find_bytes("record_sk").and_then(keys::parse_record);
        let namespace = self.item.find_text("record_pk").and_then(keys::parse_records);
        self.require(record.is_some() && namespace.is_some(), "it names no record");
    }
}

impl crate::store::Store {
    /// Whether a write of this object may still be running.
    pub async fn has_blob_intent(&self, name: &BlobRef) -> Result<bool> {
        let key = keys::blob_intent(&name.0);
        Ok(self.get(&self.tables.kv, crate::store::item::s(key), b(keys::ONLY)).await?.is_some())
    }
}
