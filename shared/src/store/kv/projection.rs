//! What a query or batch reads of each record.

use std::collections::HashMap;

/// The attributes that an answer about a record needs, its values left out.
const OUTLINE: &str = "sk, #version, created_at, seq, #ttl, c0, c1, c2, c3, fence, \
     live.#size, live.#at, live.expires_at, live.#blob, live_version, read_caps, write_caps, \
     draft.#size, draft.#at, draft.expires_at, draft.#blob, draft_id, draft_version, draft_read_caps, draft_write_caps";

/// The attributes that tell which commit published a draft.
const PUBLICATION: &str = "sk, draft_id, c0, c1, c2, c3";

/// Attributes of [`OUTLINE`] whose names are reserved words.
const RESERVED: [(&str, &str); 5] =
    [("#version", "version"), ("#ttl", "ttl"), ("#size", "size"), ("#at", "at"), ("#blob", "blob")];

/// How much of each record is read. DynamoDB charges the same for either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// All of it.
    Whole,
    /// All but values that lie in the item: [`Payload::NotRead`](crate::domain::kv::Payload::NotRead) stands for them.
    Outline,
    /// What tells which commit published a draft.
    Publication,
}

impl Projection {
    /// `ProjectionExpression`.
    pub fn expression(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Outline => Some(OUTLINE.to_owned()),
            Self::Publication => Some(PUBLICATION.to_owned()),
        }
    }

    /// `ExpressionAttributeNames`.
    pub fn names(self) -> Option<HashMap<String, String>> {
        let names = RESERVED.map(|(alias, name)| (alias.to_owned(), name.to_owned()));
        (self == Self::Outline).then(|| names.into())
    }
}
