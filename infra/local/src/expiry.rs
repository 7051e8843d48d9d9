//! Deletes expired items, as AWS does by itself.

use std::time::Duration;

use dynoxide::Database;

/// The interval at which expired items are deleted. AWS may take days, so readers must not rely on either.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Deletes expired items every minute, forever.
pub async fn sweep_expired(database: Database) {
    loop {
        let database = database.clone();
        match tokio::task::spawn_blocking(move || database.sweep_ttl()).await {
            Ok(Ok(_)) => {}
            Ok(Err(reason)) => tracing::warn!(%reason, "expired items could not be deleted"),
            Err(reason) => tracing::warn!(%reason, "the deletion of expired items panicked"),
        }
        tokio::time::sleep(SWEEP_INTERVAL).await;
    }
}
