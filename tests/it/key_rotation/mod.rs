//! Replacing the signing key.

pub mod rotation;
