//! Lists the dead letters for administrators, and replays them.

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use terrapi::domain::{Code, DeadLetter, DeadLetterId, Error, Result};
use terrapi::http::{Administrator, ApiError, ErrorBody, ListQuery, Listed, Page, PathParams};
use terrapi::runtime::App;
use utoipa::ToSchema;

pub type DeadLetterPage = Page<DeadLetterItem>;

impl Listed for DeadLetterItem {
    const PAGE: [&str; 3] = ["DeadLetterPage", "A page of dead letters.", "The newest failure first."];
}

/// A change that the worker failed to process five times.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub struct DeadLetterItem {
    /// Identifies the dead letter.
    id: String,
    /// The state of the dead letter.
    state: DeadLetterState,
    /// How many times the change was tried.
    attempts: u32,
    /// Why the last attempt failed, in words for people.
    error: String,
    /// RFC 3339: when the first attempt failed.
    #[schema(format = DateTime)]
    first_failed_at: String,
    /// RFC 3339: when the last attempt failed.
    #[schema(format = DateTime)]
    last_failed_at: String,
}

/// The state of a dead letter.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterState {
    /// It waits for an administrator.
    Waiting,
    /// It will be tried again. It is deleted if that succeeds.
    Replaying,
}

impl From<DeadLetter> for DeadLetterItem {
    fn from(letter: DeadLetter) -> Self {
        let state = match letter.replay_requested_at {
            Some(_) => DeadLetterState::Replaying,
            None => DeadLetterState::Waiting,
        };
        Self {
            id: letter.id.to_string(),
            state,
            attempts: letter.attempts,
            error: letter.error,
            first_failed_at: letter.first_failed_at.rfc3339(),
            last_failed_at: letter.last_failed_at.rfc3339(),
        }
    }
}

/// List dead letters
///
/// Changes that the worker failed to process in five attempts, the newest failure first. For administrators.
#[utoipa::path(get, path = "/api/v1/admin/dead-letters", tag = "administration", security(("bearer" = [])), params(ListQuery),
    responses((status = 200, body = DeadLetterPage), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn list_dead_letters(
    State(app): State<App>,
    administrator: Administrator,
    query: ListQuery,
) -> Result<DeadLetterPage, ApiError> {
    let listing = query.listing::<String>(&app, administrator.caller(), "dead-letters").await?;
    let after = listing.after.as_deref();
    let after = after.map(|after| DeadLetterId::parse(after).ok_or(Error::invalid(Code::InvalidCursor))).transpose()?;
    let (letters, next) = app.store.list_dead_letters(after.as_ref(), listing.limit).await?;
    Ok(listing.page(letters, next).await?)
}

/// Replay a dead letter
///
/// The worker tries the change again, and deletes the dead letter if that succeeds. Repeating the request has no
/// further effect. For administrators.
#[utoipa::path(post, path = "/api/v1/admin/dead-letters/{id}/replay", tag = "administration", security(("bearer" = [])),
    params(("id" = String, Path, description = "The dead letter")),
    responses((status = 202, body = DeadLetterItem), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn replay_dead_letter(
    State(app): State<App>,
    _: Administrator,
    path: PathParams,
) -> Result<(StatusCode, Json<DeadLetterItem>), ApiError> {
    let id = DeadLetterId::parse(path.text("id"));
    let id = id.ok_or_else(|| Error::invalid_because(Code::InvalidPath, "this is no dead letter's id"))?;
    let letter = app.store.request_replay(&id, app.clock.now()).await?.ok_or(Error::NotFound)?;
    Ok((StatusCode::ACCEPTED, Json(letter.into())))
}
