//! Follows the KV table's stream: folds published commits, and reclaims values that no record points at any longer.

mod event;

use serde::Serialize;
use terrapi::domain::Result;
use terrapi::store::Store;

pub use event::StreamEvent;
use event::{Change, StreamRecord};

/// What the stream is told: the records to deliver again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchAnswer {
    /// Empty when all went well.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<BatchFailure>,
}

/// A record that is to come again, with everything behind it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BatchFailure {
    /// Its sequence number.
    #[serde(rename = "itemIdentifier")]
    pub sequence_number: String,
}

/// Works through a batch in order. It stops at the first record that fails, from which the stream begins again; every
/// change may come twice.
pub async fn work(store: &Store, event: StreamEvent) -> BatchAnswer {
    for record in &event.records {
        if let Err(error) = apply(store, record).await {
            let sequence_number = record.sequence_number().to_owned();
            tracing::error!(%error, sequence_number, "a change was not worked off");
            return BatchAnswer { failures: vec![BatchFailure { sequence_number }] };
        }
    }
    BatchAnswer::default()
}

async fn apply(store: &Store, record: &StreamRecord) -> Result<()> {
    match record.change() {
        Change::Committed(namespace) => {
            let folded = store.fold_commits(namespace).await?;
            tracing::info!(%namespace, folded, "commits folded");
        }
        Change::Released(names) => {
            for name in names {
                store.delete_value(&name).await?;
            }
        }
        Change::IntentExpired { blob, record_pk, record_sk } => {
            store.settle_blob_intent(&blob, &record_pk, &record_sk).await?;
        }
        Change::Nothing => {}
    }
    Ok(())
}
