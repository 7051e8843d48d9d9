//! The library below every function.
//!
//! Imports point one way: functions → [`lambda`] → [`http`] → [`usecases`] → [`runtime`] → [`auth`], [`store`], [`vcs`] →
//! [`domain`]. [`deadline`] and [`progress`] stand beside `domain`: all that wait know them. Nothing here names a function.

pub mod auth;
pub mod deadline;
pub mod domain;
pub mod http;
pub mod lambda;
pub mod progress;
pub mod runtime;
pub mod store;
pub mod usecases;
pub mod vcs;
