//! Teams, as far as their tokens need them.

pub mod create;
pub mod delete;
mod document;
pub mod list;
mod notes;
mod read;
pub mod show;
pub mod update;

/// The type of a team.
const TYPE: &str = "teams";
