//! Tokens of teams and organizations.

pub mod by_id;
pub mod described;
mod document;
pub mod legacy;
pub mod list;
