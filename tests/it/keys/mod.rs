//! API keys and access tokens.

mod audit;
mod exchange;
mod lifecycle;
mod revoked;
mod secrecy;
mod tokens;
