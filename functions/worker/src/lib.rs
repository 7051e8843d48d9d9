//! Follows the tables' streams: folds published commits, reclaims values that no record points at any longer, and works on
//! tasks. A timer has it look for tasks that nobody works on.

mod event;
mod refresh;
mod task;

use serde::Serialize;
use terrapi::domain::{Millis, Result};
use terrapi::runtime::App;

use event::{Change, StreamRecord};
pub use event::{Event, StreamEvent};
use task::Deadline;
pub use task::ends_at;

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

/// Does what an invocation is for, which ends at `until`.
///
/// # Errors
/// The timer's work failed; the next tick does it again.
pub async fn handle(app: &App, event: Event, until: Millis) -> Result<BatchAnswer> {
    match event {
        Event::Changes(changes) => Ok(work(app, changes, until).await),
        Event::Timer { .. } => {
            let woken = app.store.wake_tasks(app.clock.now()).await?;
            tracing::info!(woken, "tasks woken");
            Ok(BatchAnswer::default())
        }
    }
}

/// Works through a batch in order. It stops at the first record that fails, from which the stream begins again; every
/// change may come twice.
pub async fn work(app: &App, event: StreamEvent, until: Millis) -> BatchAnswer {
    for record in &event.records {
        if let Err(error) = apply(app, record, Deadline(until)).await {
            let sequence_number = record.sequence_number().to_owned();
            tracing::error!(%error, sequence_number, "a change was not worked off");
            return BatchAnswer { failures: vec![BatchFailure { sequence_number }] };
        }
    }
    BatchAnswer::default()
}

async fn apply(app: &App, record: &StreamRecord, deadline: Deadline) -> Result<()> {
    let store = &app.store;
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
        Change::Woken(task) => task::take_turn(app, task, deadline).await?,
        Change::Nothing => {}
    }
    Ok(())
}
