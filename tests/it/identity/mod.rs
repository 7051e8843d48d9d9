//! Sign-in, identities at providers, and sessions of browsers.

mod deadlines;
mod memberships_at_sign_in;
mod provider_discovery;
mod provider_tokens;
mod sessions;
mod sign_in;
mod sign_in_faults;
mod sign_in_states;
pub mod users;
