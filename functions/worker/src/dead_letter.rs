//! What becomes of a change that fails: it is tried again by the stream, and after five attempts kept for an administrator,
//! so that it holds up nothing behind it.
//!
//! The counting is done here and not by the event source, which would lose the change itself: its own queue names only a
//! range of the stream, for a day. That queue stays for what never gets this far: a worker that cannot start, and storage
//! that cannot even take the count.

use terrapi::domain::{DeadLetter, DeadLetterId, Error, Millis, Result};
use terrapi::runtime::App;
use terrapi::store::changes::StreamChange;

/// After how many attempts a change is given up.
const ATTEMPTS: u32 = 5;

/// Notes that a change failed. True when it was given up: the stream may go on behind it.
///
/// # Errors
/// Storage is away. The change comes again.
pub async fn note(app: &App, change: &StreamChange, place: &str, error: &Error) -> Result<bool> {
    let now = app.clock.now();
    // A letter that cannot be replayed now goes back to where it was: it is no letter of its own.
    if let StreamChange::Replayed(id, asked_at) = change {
        if app.store.end_failed_replay(id, *asked_at, told(error), now).await? {
            tracing::error!(%id, %error, "a dead letter could not be worked off");
        }
        return Ok(true);
    }
    let Some(what) = change.name() else { return Ok(true) };
    let (attempts, first_failed_at) = app.store.count_failure(what, place, now).await?;
    if attempts < ATTEMPTS {
        return Ok(false);
    }
    let unreadable = || Error::bug("a change has no place in its stream");
    let letter = DeadLetter {
        id: DeadLetterId::new(first_failed_at, what, place).ok_or_else(unreadable)?,
        change: serde_json::to_string(change).map_err(|error| Error::internal("writing a change", error))?,
        attempts,
        error: told(error).to_owned(),
        first_failed_at,
        last_failed_at: now,
        replay_requested_at: None,
    };
    app.store.put_dead_letter(&letter).await?;
    tracing::error!(id = %letter.id, %error, "a change was given up; an administrator may have it tried again");
    Ok(true)
}

/// The change of a letter whose replay was asked for at `asked_at`; none when somebody was faster.
pub async fn open(app: &App, id: &DeadLetterId, asked_at: Millis) -> Result<Option<StreamChange>> {
    let letter = app.store.find_dead_letter(id).await?.filter(|letter| letter.replay_requested_at == Some(asked_at));
    let read = |letter: DeadLetter| serde_json::from_str(&letter.change);
    letter.map(read).transpose().map_err(|error| Error::internal("reading a change", error))
}

/// A failure in words that name nothing internal.
fn told(error: &Error) -> &'static str {
    match error {
        Error::Unavailable { .. } => "storage was busy or away",
        Error::Internal { .. } => "a fault of the service; its log says more",
        _ => "what the change asks for was refused; the service's log says more",
    }
}
