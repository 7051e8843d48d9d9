//! Credentials: what a request presents, and whether it is good.

mod team_token;

pub use team_token::{Holder, ProvenToken, prove_team_token};
