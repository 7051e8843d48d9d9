//! The service under an emulator of Lambda: `make watch`. Slower than one process, but each function is its own program
//! and receives the events that Lambda sends.
//!
//! * [`manifest`] writes the emulator's table of routes
//! * [`emulator`] runs the functions under `cargo lambda watch`; [`front`] limits the requests that reach it
//! * [`function`] invokes a function, for the tables' streams and for [`timer`]

pub mod emulator;
mod error;
pub mod front;
pub mod function;
pub mod manifest;
pub mod settings;
pub mod timer;

pub use error::{Error, Result};
