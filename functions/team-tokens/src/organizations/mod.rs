//! Organizations, as far as their teams' tokens need them.

pub mod create;
pub mod delete;
mod document;
pub mod entitlements;
pub mod list;
mod read;
pub mod show;
pub mod update;

/// The type of an organization.
const TYPE: &str = "organizations";
