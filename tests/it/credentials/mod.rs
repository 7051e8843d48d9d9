//! What holds for credentials at every function.

mod access_tokens;
mod revoked;
mod unknown_signing_keys;
mod unlogged_secrets;
