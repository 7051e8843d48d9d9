//! The operations table: installations, their repositories, and tasks.

mod installations;
mod refresh;
mod repositories;
mod tasks;

pub use repositories::Direction;

/// How often a write that somebody was in the way of is judged anew before the caller is told to come again.
const ATTEMPTS: usize = 5;
