//! Returns the caller.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use terrapi::domain::{UserId, Vcs};
use terrapi::http::{AnyCaller, ApiError, Authorized, ErrorBody};
use terrapi::runtime::App;
use utoipa::ToSchema;

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// A UUID.
    id: UserId,
    /// The providers at which the caller has signed in.
    vcs: Vec<Vcs>,
}

/// Show the caller
#[utoipa::path(get, path = "/api/v1/whoami", tag = "identity", security(("bearer" = [])),
    responses((status = 200, body = User), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn whoami(State(app): State<App>, caller: Authorized<AnyCaller>) -> Result<Json<User>, ApiError> {
    let id = caller.caller().user;
    let known = app.store.find_user(id).await?;
    Ok(Json(User { id, vcs: known.map(|user| user.vcs).unwrap_or_default() }))
}
