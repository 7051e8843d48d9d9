//! Takes a browser back from a provider, and signs it in.

use std::time::Duration;

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::header::{HeaderName, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use terrapi::auth::OpaqueToken;
use terrapi::deadline;
use terrapi::domain::{
    AuditAction, AuditChange, AuditEntry, AuditOutcome, Code, Error, Identity, InstallationId, PendingSignIn,
    Permission, PermissionChange, Profile, Result, Seconds, Session, SessionId, UserId, UserTokens, Vcs,
};
use terrapi::http::{
    AnonymousRateLimit, ApiError, ClientInfo, ErrorBody, NoStore, Origin, Query, session_begins, session_cookies,
};
use terrapi::runtime::App;
use terrapi::store::NewAuditEntry;
use terrapi::vcs::SignIn;

use crate::login::{browsers, installation, redirect_uri, verifier};

/// How long a sign-in waits for the provider's list of the person's installations.
const MEMBERSHIPS_WAIT: Duration = Duration::from_secs(5);

/// What a sign-in may take from here on: two calls to the provider and its list of installations, and some to storage.
const SIGN_IN: Duration = Duration::from_secs(26);

/// What a provider sends along.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: the handlers take Query")]
pub struct CallbackQuery {
    /// Buys the person's tokens, once.
    code: Option<String>,
    /// What the sign-in began with. Without it nothing is trusted: the sign-in begins anew.
    state: Option<String>,
    /// From GitHub's installation flow. Comes back in the query of the page that the browser returns to.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})$")]
    installation_id: Option<String>,
    /// In place of `code`: why there is none.
    error: Option<String>,
}

/// Finish a sign-in with GitHub
///
/// Limited by the address that it comes from. After 429 the same `state` is still good.
#[utoipa::path(get, path = "/api/github/v1/callback", tag = "identity", params(CallbackQuery),
    responses((status = 302, description = "No `state`: to the start of a sign-in", headers(("location" = String))),
        (status = 303, description = "Signed in: to where the sign-in began", headers(("location" = String), ("set-cookie" = String))),
        (status = 403, description = "`INVALID_STATE`: begin again; `SIGN_IN_REFUSED`, `PROVIDER_REJECTED`: GitHub says no", body = ErrorBody),
        (status = 404, description = "GitHub is not configured", body = ErrorBody),
        (status = 429), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn github_callback(State(app): State<App>, back: Back) -> Result<Response, ApiError> {
    Ok(back.finish(&app, Vcs::Github).await?)
}

/// Finish a sign-in with GitLab
///
/// Limited by the address that it comes from. After 429 the same `state` is still good.
#[utoipa::path(get, path = "/api/v1/gitlab/callback", tag = "identity", params(CallbackQuery),
    responses((status = 302, description = "No `state`: to the start of a sign-in", headers(("location" = String))),
        (status = 303, description = "Signed in: to where the sign-in began", headers(("location" = String), ("set-cookie" = String))),
        (status = 403, description = "`INVALID_STATE`: begin again; `SIGN_IN_REFUSED`, `PROVIDER_REJECTED`: GitLab says no", body = ErrorBody),
        (status = 404, description = "GitLab is not configured", body = ErrorBody),
        (status = 429), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn gitlab_callback(State(app): State<App>, back: Back) -> Result<Response, ApiError> {
    Ok(back.finish(&app, Vcs::Gitlab).await?)
}

/// A browser that has come back.
pub struct Back {
    query: Query,
    headers: HeaderMap,
    origin: Origin,
    client: ClientInfo,
}

impl FromRequestParts<App> for Back {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        // Before the state is used up: a browser that is refused may come again.
        AnonymousRateLimit::from_request_parts(parts, app).await?;
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        let query = Query::from_request_parts(parts, app).await?;
        Ok(Self { query, headers: parts.headers.clone(), origin: Origin::of(parts, app), client })
    }
}

impl Back {
    async fn finish(self, app: &App, vcs: Vcs) -> Result<Response> {
        let outcome = self.sign_in(app, vcs).await;
        if let Err(Error::Forbidden { code, .. }) = &outcome {
            let refused = (AuditAction::Login, AuditOutcome::Refused);
            // A session that the browser may have says nothing about who was about to sign in.
            let entry = self.client.audited(app.clock.now(), refused, None, None);
            app.audit_beside(AuditEntry { vcs: Some(vcs), reason: Some(*code), ..entry });
        }
        outcome
    }

    async fn sign_in(&self, app: &App, vcs: Vcs) -> Result<Response> {
        let Self { query, headers, origin, client } = self;
        let provider = app.providers.get(vcs)?;
        let installation = installation(query)?;
        let Some(state) = query.text("state").filter(|state| !state.is_empty()) else {
            return without_state(query, vcs, installation, origin);
        };
        let invalid = || Error::forbidden(Code::InvalidState);
        let state = OpaqueToken::parse(state).ok_or_else(invalid)?;
        // Too late to finish: the state and the code stay good for another try.
        deadline::demand(SIGN_IN)?;
        let now = app.clock.now();
        let begun = take(app, vcs, &state, browsers(headers, origin), now.seconds()).await?;
        let (pending, browser) = begun.ok_or_else(invalid)?;
        let code = code(query)?;
        let (verifier, redirect_uri) = (verifier(&browser, &state), redirect_uri(origin, vcs));
        let sign_in = SignIn { verifier: &verifier, redirect_uri: &redirect_uri };
        let tokens = provider.oauth().exchange(code, sign_in, now).await?;
        let profile = provider.profile(&tokens.access).await?;
        let user = keep(app, vcs, profile, &tokens, client).await?;
        check_memberships(app, vcs, user, &tokens, client).await?;
        let token = OpaqueToken::new(app.random.bytes()?);
        app.store.put_session(&Session::begin(SessionId::new(token.hash()), user, now.seconds())).await?;
        let done = client.clone().audited(now, (AuditAction::Login, AuditOutcome::Success), user, None);
        app.audit(AuditEntry { vcs: Some(vcs), ..done }).await?;
        forget_session_before(app, headers);
        let return_to = pending.return_to.with_installation(installation.or(pending.installation));
        let cookie = [(SET_COOKIE, session_begins(&token, origin)?)];
        Ok(NoStore((StatusCode::SEE_OTHER, to(origin.url(&return_to.encoded())), cookie)).into_response())
    }
}

/// Takes the sign-in that began with `state` in one of these browsers, and says in which.
async fn take(
    app: &App,
    vcs: Vcs,
    state: &OpaqueToken,
    browsers: Vec<OpaqueToken>,
    now: Seconds,
) -> Result<Option<(PendingSignIn, OpaqueToken)>> {
    let taker = app.random.id()?;
    for browser in browsers {
        if let Some(pending) = app.store.consume_sign_in(state.hash(), browser.hash(), vcs, taker, now).await? {
            return Ok(Some((pending, browser)));
        }
    }
    Ok(None)
}

/// The provider's own installation flow comes without a state, and so may anybody else: the sign-in begins here. An error
/// is not answered with another try, which would end the same way.
fn without_state(query: &Query, vcs: Vcs, installation: Option<InstallationId>, origin: &Origin) -> Result<Response> {
    if query.text("error").is_some() {
        return Err(refused());
    }
    let query = installation.map(|id| format!("?installation_id={id}")).unwrap_or_default();
    Ok(NoStore((StatusCode::FOUND, to(origin.url(&format!("/api/v1/{vcs}/login{query}"))))).into_response())
}

fn code(query: &Query) -> Result<&str> {
    match query.text("code").filter(|code| !code.is_empty()) {
        Some(code) => Ok(code),
        None if query.text("error").is_some() => Err(refused()),
        None => Err(Error::invalid_because(Code::InvalidQuery, "code is missing")),
    }
}

fn refused() -> Error {
    Error::forbidden(Code::SignInRefused)
}

fn to(location: String) -> [(HeaderName, String); 1] {
    [(LOCATION, location)]
}

/// The user that this person at the provider is here, with what the sign-in brought. Of two first sign-ins at once one
/// makes the user, and the other finds them.
async fn keep(app: &App, vcs: Vcs, profile: Profile, tokens: &UserTokens, client: &ClientInfo) -> Result<UserId> {
    let sealed = app.seal(vcs, profile.id, tokens)?;
    let administrator = app.settings.administrators.include(vcs, profile.id);
    for _ in 0..2 {
        let known = app.store.find_user_of_identity(vcs, profile.id).await?;
        let user = known.map_or_else(|| app.random.id().map(UserId::new), Ok)?;
        let was_administrator = match known {
            Some(user) => app.store.is_administrator(user).await?,
            None => false,
        };
        let identity = Identity { vcs, user, profile: profile.clone() };
        let note = match (was_administrator, administrator) {
            (false, true) => Some(role_changed(app, client, user, AuditChange::Granted)?),
            (true, false) => Some(role_changed(app, client, user, AuditChange::Revoked)?),
            _ => None,
        };
        if app.store.put_identity(&identity, Some(&sealed), administrator, note.as_ref()).await? {
            return Ok(user);
        }
    }
    Err(Error::bug("an identity changes hands"))
}

fn role_changed(app: &App, client: &ClientInfo, user: UserId, change: AuditChange) -> Result<NewAuditEntry> {
    permission_changed(app, client, user, PermissionChange { user, permission: Permission::Administrator, change })
}

fn permission_changed(app: &App, client: &ClientInfo, user: UserId, change: PermissionChange) -> Result<NewAuditEntry> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    app.audit_record(AuditEntry { subject: Some(change), ..client.clone().audited(app.clock.now(), done, user, None) })
}

/// Takes away the memberships that the provider denies. One that gives no answer does not stop the sign-in: the next use of
/// a membership that has become old has the worker ask again.
async fn check_memberships(app: &App, vcs: Vcs, user: UserId, tokens: &UserTokens, client: &ClientInfo) -> Result<()> {
    let note = |change| permission_changed(app, client, user, change);
    match app.check_memberships(user, vcs, &tokens.access, MEMBERSHIPS_WAIT, note).await? {
        Ok(_) => {}
        Err(failure) => tracing::warn!(error = %failure, "a sign-in could not check the person's memberships"),
    }
    Ok(())
}

/// The browser drops the cookie of the session before: nobody needs its row any more.
fn forget_session_before(app: &App, headers: &HeaderMap) {
    for before in session_cookies(headers) {
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.delete_session(before).await {
                tracing::warn!(%error, "a session that was replaced stays until it ends by itself");
            }
        });
    }
}
