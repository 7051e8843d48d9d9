//! Follows the tables' streams: folds published commits, reclaims values that no record points at any longer, checks
//! memberships, and works on tasks. A timer has it look for tasks and checks that nobody works on.

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
pub async fn handle(app: &App, event: WorkerEvent, until: Millis) -> Result<BatchAnswer> {
    match event {
        WorkerEvent::Changes(changes) => Ok(work(app, changes, until).await),
        WorkerEvent::Timer { .. } => {
            let woken = app.store.wake_tasks(app.clock.now()).await?;
            let checks = app.store.wake_membership_checks(app.clock.now()).await?;
            tracing::info!(woken, checks, "tasks and membership checks woken");
            Ok(BatchAnswer::default())
        }
    }
}

/// Works through a batch in order. It stops at the first record that fails, from which the stream begins again, until the
/// record is given up; every change may come twice.
pub async fn work(app: &App, event: StreamEvent, until: Millis) -> BatchAnswer {
    for record in &event.records {
        let change = record.change();
        if let Err(error) = apply(app, &change, Deadline(until)).await {
            let sequence_number = record.sequence_number().to_owned();
            tracing::error!(%error, sequence_number, "a change was not worked off");
            match dead_letter::note(app, &change, &sequence_number, &error).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, sequence_number, "its failure could not be counted"),
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
            tracing::info!(%namespace, folded, "commits folded");
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
