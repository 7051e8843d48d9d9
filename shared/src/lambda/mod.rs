//! The Lambda loop: events of the gateways in, answers out.

mod incoming;
mod run;

pub use incoming::Incoming;
pub use run::{Answer, invoke, run, serve};
