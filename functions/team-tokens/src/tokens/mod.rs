//! Tokens of teams and organizations.

pub mod by_id;
pub mod described;
mod document;
pub mod legacy;
pub mod list;
mod mint;

/// What clients call a token when they create one: none of them all the same.
const TYPES: &[&str] = &["authentication-token", "authentication-tokens"];
/// Where its end stands in a payload.
const EXPIRED_AT: &str = "/data/attributes/expired-at";
