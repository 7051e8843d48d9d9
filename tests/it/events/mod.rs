//! The same request through every front end reaches the same handler in the same words.

mod answers;
mod paths;
mod records;
mod requests;
pub mod sandbox;
mod sessions;
pub mod template;
