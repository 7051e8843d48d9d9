//! The local stack: everything AWS would give the functions, on one machine.
//!
//! * [`template`] reads `template.yaml`, the one description of tables, routes and stream filters
//! * [`routes`] writes the emulator's table of routes from it
//! * [`engine`] serves those tables from an embedded, DynamoDB-compatible engine (a file, or memory for a test)
//! * [`changes`] reads a table's stream the way Lambda's event source does; [`pump`] hands it to the worker
//! * [`timer`] calls a function every so often
//! * [`emulator`] runs the functions under `cargo lambda watch`, [`front`] stands before it
//! * [`bootstrap`] creates the first administrator, [`connection`] tells people and programs how to get in
//!
//! Left out on purpose: throttling, contention and stale reads, which an embedded engine does not have.

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
