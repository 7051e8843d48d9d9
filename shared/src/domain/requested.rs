//! The capabilities that a request asks for. Their number and length are limited while they are read.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Capabilities, Capability, Code, Error, Result};

/// The capabilities that a request asks for.
///
/// Shape: a JSON array of at most 32 [`Capability`] values of at most 1,024 bytes each. A longer array or value is
/// refused while it is read, so that it cannot use up memory. A value that is not a capability is refused by
/// [`Self::read`].
#[derive(Clone, Debug, Default)]
pub struct RequestedCapabilities {
    known: Vec<Capability>,
    malformed: bool,
}

impl RequestedCapabilities {
    /// How many capabilities one request may name.
    pub const MOST: usize = 32;
    /// How long the text of one may be. An installation's limit needs 44 bytes; the rest is for white space.
    const MOST_BYTES: usize = 1_024;

    /// The requested capabilities as a set.
    ///
    /// # Errors
    /// [`Code::InvalidCapability`] if a value is unknown or malformed, or if an installation's id is not a canonical
    /// decimal.
    pub fn read(self) -> Result<Capabilities> {
        if self.malformed {
            return Err(Error::invalid_because(Code::InvalidCapability, "a capability is unknown or malformed"));
        }
        Ok(self.known.into_iter().collect())
    }
}

impl<'de> Deserialize<'de> for RequestedCapabilities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Elements)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = RequestedCapabilities;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {} capabilities", RequestedCapabilities::MOST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<RequestedCapabilities, A::Error> {
        let (mut requested, mut count) = (RequestedCapabilities::default(), 0);
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            count += 1;
            if count > RequestedCapabilities::MOST {
                return Err(A::Error::custom("at most 32 capabilities can be named"));
            }
            if element.get().len() > RequestedCapabilities::MOST_BYTES {
                return Err(A::Error::custom("a capability is longer than 1,024 bytes"));
            }
            match serde_json::from_str::<Capability>(element.get()).ok().filter(Capability::is_well_formed) {
                Some(capability) => requested.known.push(capability),
                None => requested.malformed = true,
            }
        }
        Ok(requested)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RequestedCapabilities, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn more_or_longer_capabilities_than_the_bounds_are_refused() {
        let list = |count: usize| format!("[{}]", vec![r#""kv_store_read""#; count].join(","));
        assert_eq!(read(&list(32)).unwrap().read().unwrap().iter().count(), 1, "a set");
        assert!(read(&list(33)).is_err());
        let padded = |spaces: usize| format!(r#"[{{"name":{}"installation_id","id":"7"}}]"#, " ".repeat(spaces));
        assert!(read(&padded(900)).unwrap().read().is_ok());
        assert!(read(&padded(1_024)).is_err());
    }

    #[test]
    fn installation_ids_are_canonical_decimals() {
        let zeros = "0".repeat(450_000);
        for id in ["012345", "00", "+1", "-1", " 1", "1.0", "x", "", "9223372036854775808", "\\u0000#"] {
            let text = format!(r#"[{{"name":"installation_id","id":"{id}"}}]"#);
            assert!(read(&text).unwrap().read().is_err(), "{id}");
        }
        assert!(read(&format!(r#"[{{"name":"installation_id","id":"{zeros}"}}]"#)).is_err());
        for id in ["0", "12345", "9223372036854775807"] {
            let text = format!(r#"[{{"name":"installation_id","id":"{id}"}}]"#);
            assert!(read(&text).unwrap().read().is_ok(), "{id}");
        }
    }
}
