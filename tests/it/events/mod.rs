//! The same request through every front end reaches the same handler with the same values.

mod answers;
mod paths;
mod records;
mod requests;
pub mod sandbox;
mod sessions;
pub mod template;
