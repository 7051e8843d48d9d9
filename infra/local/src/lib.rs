//! The parts of AWS that the service needs, on one machine.
//!
//! * [`template`] reads `template.yaml`, the only description of tables, routes and stream filters
//! * [`routes`] says which function answers which path
//! * [`folder`] is the data folder: the database, large values, secrets
//! * [`embedded`] keeps the tables in an embedded, DynamoDB-compatible engine (a file, or memory for a test);
//!   [`in_process`] calls it through the AWS SDK, [`engine`] serves it on a port
//! * [`changes`] reads a table's stream as Lambda's event source does; [`pump`] delivers it
//! * [`delivery_lock`] keeps the worker from deleting objects while a backup copies them
//! * [`expiry`] deletes expired items
//! * [`name_set`] is a set that need not fit in memory, for checks
//! * [`bootstrap`] creates the first administrator; [`connection`] tells people and programs how to connect
//!
//! Not emulated: throttling, contention and stale reads, which an embedded engine does not have.

pub mod bootstrap;
pub mod changes;
pub mod connection;
pub mod delivery_lock;
pub mod embedded;
pub mod engine;
pub mod error;
pub mod expiry;
pub mod folder;
pub mod in_process;
mod journal;
pub mod name_set;
mod organization;
pub mod pattern;
pub mod pump;
pub mod routes;
mod schema;
mod side;
pub mod template;

pub use embedded::EmbeddedEngine;
pub use engine::Engine;
pub use error::{Error, Result};
pub use template::Template;
