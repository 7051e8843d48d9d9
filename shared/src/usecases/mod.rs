//! What crosses storage, providers and credentials: one file for each use case, written as methods of
//! [`App`](crate::runtime::App), which holds the clients. No HTTP here.

mod memberships;
mod provider_token;
mod sealed_secret;
