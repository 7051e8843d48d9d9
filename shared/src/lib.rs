//! The library below every function.

pub mod http;
pub mod runtime;
