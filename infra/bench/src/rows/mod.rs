//! The rows of the table, one file for each family.

pub mod calls;
pub mod cost;
pub mod instructions;
pub mod latency;
pub mod memory;
pub mod scale;
pub mod size;
pub mod start;
pub mod team_tokens;
