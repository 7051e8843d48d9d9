//! What the store needs to know before it can be opened.

use std::time::Duration;

use aws_config::SdkConfig;

/// Timeouts of a DynamoDB call.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Of one attempt.
    pub attempt: Duration,
    /// Of the whole call with its retries.
    pub operation: Duration,
}

impl Default for Timeouts {
    /// DynamoDB usually answers within milliseconds, and the gateway waits for 30 s.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(1), operation: Duration::from_secs(3) }
    }
}

#[derive(Clone, Debug)]
pub struct Tables {
    /// Holds users, memberships, credentials, organizations, rate budgets and the audit trail.
    pub identity: String,
    /// Holds KV records, commits and blob intents.
    pub kv: String,
    /// Holds installations, repositories, runs and tasks.
    pub operations: String,
}

#[derive(Clone, Debug)]
pub struct StoreConfig {
    pub tables: Tables,
    /// The URL of another DynamoDB-compatible server. Absent: the endpoint of the Region.
    pub endpoint: Option<String>,
    /// The AWS Region and the credentials that sign the calls; without credentials, they are not signed. Its HTTP client, if
    /// it has one, is used for DynamoDB.
    pub aws: SdkConfig,
    /// Where large values are, as `Blobs::open` reads it; nothing for a function that keeps none.
    pub blobs: Option<String>,
    pub timeouts: Timeouts,
}
