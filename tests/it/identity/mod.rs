//! Sign-in, identities at providers, and sessions of browsers.

pub mod browser;
mod deadlines;
mod faults;
pub mod people;
mod renewal;
mod sessions;
mod sign_in;
mod states;
