//! A value on its way out: whole, or the parts of it that were selected. Either is written from the stored text.

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use terrapi::domain::kv::{Select, Selection};
use terrapi::domain::{Code, Error, Result};

/// How many bytes of selected parts one answer may have: what a page may have of whole values.
pub const MAX_SELECTED_BYTES: usize = 4 * 1024 * 1024;

/// A value as an answer shows it.
#[derive(Debug)]
pub enum Data {
    /// All of it.
    Whole(Box<RawValue>),
    /// An object of its parts. It keeps the value's text and not a copy of each part.
    Selected(Selection),
}

impl Data {
    /// The value, or what `select` picks out of it.
    pub fn of(text: String, select: Option<&Select>) -> Result<Self> {
        let Some(select) = select else {
            let whole = RawValue::from_string(text).map(Self::Whole);
            return whole.map_err(|error| Error::internal("a stored value is not JSON", error));
        };
        select.take_from(text).map(Self::Selected)
    }

    /// How many bytes of selected parts there are.
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

/// Holds the parts in one answer to their limit.
///
/// # Errors
/// [`Code::SelectionTooLarge`] above it.
pub fn limit_selected<'a>(values: impl IntoIterator<Item = &'a Data>) -> Result<()> {
    let bytes: usize = values.into_iter().map(Data::selected_bytes).sum();
    if bytes > MAX_SELECTED_BYTES {
        return Err(Error::invalid(Code::SelectionTooLarge));
    }
    Ok(())
}
