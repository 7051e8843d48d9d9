//! The parts of a record that a query or batch read returns.

/// The attributes that an answer about a record needs, without values.
const OUTLINE: &str = "sk, #version, created_at, seq, #ttl, c0, c1, c2, c3, fence, \
     live.#size, live.#at, live.expires_at, live.#blob, live_version, read_caps, write_caps, \
     draft.#size, draft.#at, draft.expires_at, draft.#blob, draft_id, draft_version, draft_read_caps, draft_write_caps";

/// The attributes that show which commit published a draft.
const PUBLICATION: &str = "sk, draft_id, c0, c1, c2, c3";

/// Which attributes are read. DynamoDB charges the same for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All attributes.
    Whole,
    /// All attributes except values that are stored in the item;
    /// [`Payload::NotRead`](crate::domain::kv::Payload::NotRead) takes their place.
    Outline,
    /// The attributes that show which commit published a draft.
    Publication,
}

impl Projection {
    /// The value for `ProjectionExpression`. `#` stands before names that are reserved words in DynamoDB.
    pub fn expression(self) -> Option<&'static str> {
        match self {
            Self::Whole => None,
            Self::Outline => Some(OUTLINE),
            Self::Publication => Some(PUBLICATION),
        }
    }
}
