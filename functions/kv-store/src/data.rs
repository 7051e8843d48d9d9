//! A value in an answer: the whole value or selected parts. Both are written directly from the stored text.

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use terrapi::domain::kv::{Select, Selection};
use terrapi::domain::{Code, Error, Result};

/// The maximum size of the selected parts of one answer in bytes: the same as for whole values of a page.
pub const MAX_SELECTED_BYTES: usize = 4 * 1024 * 1024;

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
