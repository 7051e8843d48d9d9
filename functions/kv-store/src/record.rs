//! The wire format of records. A value is written to an answer directly from the stored text.

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use terrapi::domain::kv::{Address, Outcome, Put, Select, Selection};
use terrapi::domain::{Capabilities, Capability, Code, Error, Result};
use terrapi::store::kv::Found;
use utoipa::ToSchema;

/// The maximum size of the selected parts of one answer in bytes: the same as for whole values of a page.
pub const MAX_SELECTED_BYTES: usize = 4 * 1024 * 1024;

/// A record. `data` is `null` after a write, and in a listing without data.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"committed": true, "created_at": "2026-01-31T08:00:00.000Z", "data": {"status": "done"}, "idx": 0,
    "key": "deploy/prod/status", "size": 17, "updated_at": "2026-01-31T08:00:00.000Z", "version": 1_790_000_000_000_i64}))]
pub struct KvRecord {
    /// Whether this value is published.
    committed: bool,
    /// RFC 3339: the first write of the record.
    #[schema(format = DateTime)]
    created_at: String,
    /// The value: any JSON.
    #[schema(value_type = Value)]
    data: Option<Data>,
    /// The chunk.
    #[schema(maximum = 2_147_483_647)]
    idx: u32,
    /// The key.
    key: String,
    /// The capabilities that reading requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Capability>>, nullable = false)]
    read_caps: Option<Capabilities>,
    /// The size of the value's compact JSON text in bytes.
    size: u64,
    /// RFC 3339: the last write of this value.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Grows with every write. No version is used twice.
    version: i64,
    /// The capabilities that writing requires.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Capability>>, nullable = false)]
    write_caps: Option<Capabilities>,
}

impl KvRecord {
    /// The wire form of a record, with the value reduced to the parts that `select` picks.
    pub fn of(found: Found, select: Option<&Select>) -> Result<Self> {
        let data = found.text.map(|text| Data::of(text, select)).transpose()?;
        Ok(Self {
            committed: found.committed,
            created_at: found.created_at.rfc3339(),
            data,
            idx: found.address.idx.get(),
            key: found.address.key.as_str().to_owned(),
            read_caps: found.side.guards.read,
            size: found.side.slot.size_bytes,
            updated_at: found.side.slot.written_at.rfc3339(),
            version: found.side.version.0,
            write_caps: found.side.guards.write,
        })
    }

    /// The value, if the answer shows it.
    pub fn data(&self) -> Option<&Data> {
        self.data.as_ref()
    }

    /// The answer to a write.
    pub fn written(address: &Address, put: &Put, outcome: Outcome) -> Self {
        Self {
            committed: put.committed,
            created_at: outcome.created_at.rfc3339(),
            data: None,
            idx: address.idx.get(),
            key: address.key.as_str().to_owned(),
            read_caps: outcome.guards.read,
            size: put.slot.size_bytes,
            updated_at: put.slot.written_at.rfc3339(),
            version: outcome.version.0,
            write_caps: outcome.guards.write,
        }
    }
}

/// A value in an answer.
#[derive(Debug)]
pub enum Data {
    Whole(Box<RawValue>),
    /// An object of its parts. It keeps the text of the value instead of a copy of each part.
    Selected(Selection),
}

impl Data {
    /// The value, or the parts that `select` picks.
    pub fn of(text: String, select: Option<&Select>) -> Result<Self> {
        let Some(select) = select else {
            let whole = RawValue::from_string(text).map(Self::Whole);
            return whole.map_err(|error| Error::internal("a stored value is not JSON", error));
        };
        select.take_from(text).map(Self::Selected)
    }

    /// The size of the selected parts in bytes.
    pub fn selected_bytes(&self) -> usize {
        match self {
            Self::Whole(_) => 0,
            Self::Selected(selection) => selection.size_bytes(),
        }
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(raw) => raw.serialize(serializer),
            Self::Selected(selection) => {
                let mut object = serializer.serialize_map(None)?;
                for (name, part) in selection.parts() {
                    let part: &RawValue = serde_json::from_str(part).map_err(S::Error::custom)?;
                    object.serialize_entry(name, part)?;
                }
                object.end()
            }
        }
    }
}

/// Checks the total size of the selected parts of one answer.
///
/// # Errors
/// [`Code::SelectionTooLarge`] above the limit.
pub fn limit_selected<'a>(values: impl IntoIterator<Item = &'a Data>) -> Result<()> {
    let bytes: usize = values.into_iter().map(Data::selected_bytes).sum();
    if bytes > MAX_SELECTED_BYTES {
        return Err(Error::invalid(Code::SelectionTooLarge));
    }
    Ok(())
}
