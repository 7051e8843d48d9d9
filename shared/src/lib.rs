//! The library that every function uses.
//!
//! Dependencies point one way: functions → [`http`] → [`auth`], [`store`], [`vcs`] → [`domain`]. [`runtime`] creates
//! the shared state once per process, and every layer that waits may use [`deadline`]. The library depends on no
//! function.
pub mod auth;
pub mod deadline;
pub mod domain;
pub mod http;
pub mod runtime;
pub mod store;
pub mod vcs;
