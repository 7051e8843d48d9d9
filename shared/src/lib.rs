//! The library that every function uses.
//!
//! Imports point one way: functions → [`lambda`] → [`http`] → [`usecases`] → [`runtime`] → [`auth`], [`store`], [`vcs`] →
//! [`domain`]. Beside `domain`, every layer that waits may use [`deadline`] and [`progress`]. Nothing here depends on a
//! function.

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
