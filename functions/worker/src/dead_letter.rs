//! Handles changes that cannot be processed. The stream retries a change. After five failures the worker stores it as a
//! dead letter for an administrator, so that it does not block the changes behind it.
//!
//! The failures are counted here instead of by the event source, because that would lose the change: its dead letter
//! queue stores only the position in the stream, whose records are kept for a day. That queue is for the rest: a worker
//! that cannot start, and a DynamoDB that cannot even store the count.

use terrapi::domain::{DeadLetter, DeadLetterId, Error, Millis, Result};
use terrapi::runtime::App;
use terrapi::store::changes::StreamChange;

/// After how many failures a change becomes a dead letter.
const ATTEMPTS: u32 = 5;

/// Records a failure of a change. Returns whether it became a dead letter, so that the stream continues after it.
///
/// # Errors
/// DynamoDB is unavailable. The stream delivers the change again.
pub async fn record_failure(app: &App, change: &StreamChange, sequence_number: &str, error: &Error) -> Result<bool> {
    let now = app.clock.now();
    // A failed replay returns to its dead letter instead of becoming another one.
    if let StreamChange::Replayed(id, asked_at) = change {
        if app.store.end_failed_replay(id, *asked_at, public_description(error), now).await? {
            tracing::error!(%id, %error, "the replay of a dead letter failed");
        }
        return Ok(true);
    }
    let Some(kind) = change.name() else { return Ok(true) };
    let (attempts, first_failed_at) = app.store.count_failure(kind, sequence_number, now).await?;
    if attempts < ATTEMPTS {
        return Ok(false);
    }
    let no_sequence_number = || Error::bug("a change has no sequence number");
    let letter = DeadLetter {
        id: DeadLetterId::new(first_failed_at, kind, sequence_number).ok_or_else(no_sequence_number)?,
        change: serde_json::to_string(change).map_err(|error| Error::internal("encoding a change", error))?,
        attempts,
        error: public_description(error).to_owned(),
        first_failed_at,
        last_failed_at: now,
        replay_requested_at: None,
    };
    app.store.put_dead_letter(&letter).await?;
    tracing::error!(id = %letter.id, %error, "a change was given up; an administrator can replay it");
    Ok(true)
}

/// The change of a dead letter whose replay was requested at `asked_at`. `None` if another invocation has processed it.
pub async fn open(app: &App, id: &DeadLetterId, asked_at: Millis) -> Result<Option<StreamChange>> {
    let letter = app.store.find_dead_letter(id).await?.filter(|letter| letter.replay_requested_at == Some(asked_at));
    let read = |letter: DeadLetter| serde_json::from_str(&letter.change);
    letter.map(read).transpose().map_err(|error| Error::internal("decoding a change", error))
}

/// A description of a failure without internal details.
fn public_description(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { .. } => "storage was busy or unavailable",
        Error::Internal { .. } => "a fault of the service; its log says more",
        _ => "what the change asks for was refused; the service's log says more",
    }
}
