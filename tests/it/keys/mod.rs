//! API keys and access tokens.

mod exchange;
