//! The only code that knows DynamoDB and object storage.
//!
//! `keys.rs` lists the access patterns. Rules about stored state are conditions on the write, reads that a decision
//! depends on are strongly consistent, and no function scans a table (`scan.rs` is for commands on one machine).

mod api_keys;
mod audit;
mod batch;
mod blobs;
mod bucket;
pub mod changes;
pub mod check;
mod client;
mod config;
mod error;
mod expression;
mod https;
mod identities;
mod item;
mod keys;
pub mod kv;
mod memberships;
mod merge_shards;
pub mod operations;
mod organizations;
mod public_keys;
mod query;
mod rate;
mod scan;
mod sessions;
mod sign_ins;
mod single;
mod transaction;
mod update;
mod users;

pub use audit::NewAuditEntry;
pub use blobs::Blobs;
pub use client::Store;
pub use config::{StoreConfig, Tables, Timeouts};
pub use https::{CONNECT_TIMEOUT, http_client};
pub use identities::SealedTokens;
pub use memberships::{MembershipFence, ProviderAnswer, Replaced};
pub use organizations::{Decision, OrganizationChange, OrganizationSnapshot, Ownership, TeamChange, Written};
pub use public_keys::PublishedKey;
pub use scan::ScanPosition;
pub use users::User;
