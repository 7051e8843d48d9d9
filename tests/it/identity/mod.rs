//! Who is calling: sign-in, identities at providers, browsers' sessions.

pub mod browser;
mod deadlines;
mod faults;
mod people;
mod renewal;
mod sessions;
mod sign_in;
mod states;
