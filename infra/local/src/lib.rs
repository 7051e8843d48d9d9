//! The local stack: what AWS provides for the functions, on one machine.
//!
//! * [`template`] reads `template.yaml`, the only description of tables, routes and stream filters
//! * [`routes`] writes the emulator's table of routes from it
//! * [`engine`] serves those tables from an embedded, DynamoDB-compatible engine (a file, or memory for a test)
//! * [`changes`] reads a table's stream as Lambda's event source does; [`pump`] delivers it to the worker
//! * [`timer`] calls a function at regular intervals
//! * [`emulator`] runs the functions under `cargo lambda watch`; [`front`] limits the requests that reach it
//! * [`bootstrap`] creates the first administrator; [`connection`] tells people and programs how to connect
//!
//! Not emulated: throttling, contention and stale reads, which an embedded engine does not have.

pub mod bootstrap;
pub mod changes;
pub mod connection;
pub mod emulator;
pub mod engine;
pub mod error;
pub mod front;
mod organization;
pub mod pattern;
pub mod pump;
pub mod routes;
mod schema;
pub mod settings;
pub mod template;
pub mod timer;

pub use engine::Engine;
pub use error::{Error, Result};
pub use template::Template;
