//! Processes the streams of the tables: folds published commits, deletes values to which no record refers, checks
//! memberships and works on tasks. A timer wakes tasks and checks that no worker holds.

mod dead_letter;
mod event;
mod membership;
mod refresh;
mod task;
mod turn;

use serde::Serialize;
use terrapi::domain::{Millis, Result};
use terrapi::runtime::App;
use terrapi::store::changes::{StreamChange, StreamEvent};

pub use event::WorkerEvent;
use turn::Deadline;
pub use turn::ends_at;

/// The answer to the stream: the records to deliver again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct BatchAnswer {
    /// Empty if every record was processed.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<BatchFailure>,
}

/// A record to deliver again, together with all records after it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BatchFailure {
    /// The record's sequence number.
    #[serde(rename = "itemIdentifier")]
    pub sequence_number: String,
}

/// Handles one event. The invocation ends at `until`.
///
/// # Errors
/// The timer's work failed. The next timer event repeats it.
pub async fn handle(app: &App, event: WorkerEvent, until: Millis) -> Result<BatchAnswer> {
    match event {
        WorkerEvent::Changes(changes) => Ok(work(app, changes, until).await),
        WorkerEvent::Timer { .. } => {
            let woken = app.store.wake_tasks(app.clock.now()).await?;
            let checks = app.store.wake_membership_checks(app.clock.now()).await?;
            tracing::info!(woken, checks, "tasks and membership checks were woken");
            Ok(BatchAnswer::default())
        }
    }
}

/// Processes the records of a batch in order. Stops at the first one that fails and is not yet a dead letter; the
/// stream continues there. A change may be processed twice.
pub async fn work(app: &App, event: StreamEvent, until: Millis) -> BatchAnswer {
    for record in &event.records {
        let change = record.change();
        if let Err(error) = apply(app, &change, Deadline(until)).await {
            let sequence_number = record.sequence_number().to_owned();
            tracing::error!(%error, sequence_number, "a change could not be processed");
            match dead_letter::record_failure(app, &change, &sequence_number, &error).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, sequence_number, "the failure of a change could not be counted"),
            }
            return BatchAnswer { failures: vec![BatchFailure { sequence_number }] };
        }
    }
    BatchAnswer::default()
}

async fn apply(app: &App, change: &StreamChange, deadline: Deadline) -> Result<()> {
    let store = &app.store;
    match change {
        StreamChange::Committed(namespace) => {
            let folded = store.fold_commits(*namespace).await?;
            tracing::info!(%namespace, folded, "commits were folded");
        }
        StreamChange::Released(names) => {
            for name in names {
                store.delete_value(name).await?;
            }
        }
        StreamChange::IntentExpired { blob, record_pk, record_sk } => {
            store.settle_blob_intent(blob, record_pk, record_sk).await?;
        }
        StreamChange::Woken(task) => task::take_turn(app, *task, deadline).await?,
        StreamChange::MembershipDue(user, namespace) => membership::check(app, *user, *namespace, deadline).await?,
        StreamChange::Replayed(letter, asked_at) => {
            if let Some(change) = dead_letter::open(app, letter, *asked_at).await? {
                Box::pin(apply(app, &change, deadline)).await?;
                store.remove_dead_letter(letter).await?;
            }
        }
        StreamChange::Nothing => {}
    }
    Ok(())
}
