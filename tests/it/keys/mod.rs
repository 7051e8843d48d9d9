//! API keys and access tokens.

mod audit;
mod exchange;
mod lifecycle;
mod lineage;
mod requested;
mod restricted;
mod revoked;
mod secrecy;
mod tokens;
