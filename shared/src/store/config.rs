//! What the store needs to know before it can be opened.

use std::time::Duration;

use aws_sdk_dynamodb::config::Credentials;

/// Timeouts of a DynamoDB call.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// One attempt.
    pub attempt: Duration,
    /// All attempts.
    pub operation: Duration,
}

impl Default for Timeouts {
    /// DynamoDB usually answers within milliseconds, and the gateway waits for 30 s.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(1), operation: Duration::from_secs(3) }
    }
}

/// The tables' names.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Users, memberships, keys, audit.
    pub identity: String,
    /// KV records and commits.
    pub kv: String,
    /// Installations, repositories, runs, tasks.
    pub operations: String,
}

#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The tables' names.
    pub tables: Tables,
    /// The URL of another DynamoDB-compatible server. Absent: the endpoint of the Region.
    pub endpoint: Option<String>,
    /// The Region.
    pub region: String,
    /// Who signs the calls.
    pub credentials: Credentials,
    /// Where large values are, as `Blobs::open` reads it; nothing for a function that keeps none.
    pub blobs: Option<String>,
    pub timeouts: Timeouts,
}
