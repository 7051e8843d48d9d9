//! What surrounds the handlers in a process.

pub mod run;
