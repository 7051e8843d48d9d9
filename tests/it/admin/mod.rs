//! What administrators look at.

mod audit;
mod dead_letters;
pub mod drifts;
