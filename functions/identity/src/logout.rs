//! Signs a browser out.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::SET_COOKIE;
use terrapi::domain::{AuditAction, AuditOutcome};
use terrapi::http::{
    AnyCaller, ApiError, Authorized, ClientInfo, ErrorBody, NoStore, Origin, session_cookies, session_ends,
};
use terrapi::runtime::App;

/// Sign out
///
/// Deletes every session that the request's cookies name, and removes the cookie. A request with a token and without a
/// cookie changes nothing.
#[utoipa::path(post, path = "/api/v1/logout", tag = "identity", security(("bearer" = [])),
    responses((status = 200, description = "Signed out; no body"), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn logout(
    State(app): State<App>,
    caller: Authorized<AnyCaller>,
    client: ClientInfo,
    headers: HeaderMap,
    origin: Origin,
) -> Result<Response, ApiError> {
    let sessions = session_cookies(&headers);
    for id in &sessions {
        app.store.delete_session(*id).await?;
    }
    if !sessions.is_empty() {
        let done = (AuditAction::Logout, AuditOutcome::Success);
        app.audit(client.audited(app.clock.now(), done, caller.caller().user, None)).await?;
    }
    Ok(NoStore([(SET_COOKIE, session_ends(&origin)?)]).into_response())
}
