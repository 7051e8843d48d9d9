//! The library below every function.
//!
//! Arrows run one way: functions → [`http`] → [`auth`], [`store`], [`vcs`] → [`domain`]. [`runtime`] puts the parts together
//! once per process. [`deadline`] and [`progress`] are known to all that wait. Nothing here names a function.

pub mod auth;
pub mod deadline;
pub mod domain;
pub mod http;
pub mod progress;
pub mod runtime;
pub mod store;
pub mod vcs;
