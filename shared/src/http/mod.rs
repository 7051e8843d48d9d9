//! HTTP between a front end and a handler.

pub mod event;
