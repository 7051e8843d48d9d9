//! Handles the provider's redirect back: finishes a sign-in.

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
/// How many times a sign-in is written again after another one of the same person.
const ATTEMPTS: usize = 3;

/// The time that the rest of a sign-in needs at most: two calls to the provider, its list of installations, and some
/// calls to DynamoDB.
const SIGN_IN: Duration = Duration::from_secs(26);

/// The query parameters that the provider sends.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "a description: the handlers take Query")]
pub struct CallbackQuery {
    /// The authorization code, which is exchanged once for the person's tokens.
    code: Option<String>,
    /// The state with which the sign-in began. If it is absent, nothing is trusted and the sign-in starts again.
    state: Option<String>,
    /// From GitHub's installation flow. Added to the query of the page to which the browser returns.
    #[param(pattern = "^(0|[1-9][0-9]{0,18})$")]
    installation_id: Option<String>,
    /// The error code, if the sign-in failed at the provider.
    error: Option<String>,
}

/// Finish a sign-in with GitHub
///
/// Rate limited by network. After 429 the same `state` can still be used.
#[utoipa::path(get, path = "/api/github/v1/callback", tag = "identity", params(CallbackQuery),
    responses((status = 302, description = "No `state`: redirect to the start of a sign-in", headers(("location" = String))),
        (status = 303, description = "Signed in: redirect to the page where the sign-in began", headers(("location" = String), ("set-cookie" = String))),
        (status = 403, description = "`INVALID_STATE`: start again; `SIGN_IN_REFUSED`, `PROVIDER_REJECTED`: GitHub refused", body = ErrorBody),
        (status = 404, description = "GitHub is not configured", body = ErrorBody),
        (status = 429), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn github_callback(State(app): State<App>, back: ProviderRedirect) -> Result<Response, ApiError> {
    Ok(back.finish(&app, Vcs::Github).await?)
}

/// Finish a sign-in with GitLab
///
/// Rate limited by network. After 429 the same `state` can still be used.
#[utoipa::path(get, path = "/api/v1/gitlab/callback", tag = "identity", params(CallbackQuery),
    responses((status = 302, description = "No `state`: redirect to the start of a sign-in", headers(("location" = String))),
        (status = 303, description = "Signed in: redirect to the page where the sign-in began", headers(("location" = String), ("set-cookie" = String))),
        (status = 403, description = "`INVALID_STATE`: start again; `SIGN_IN_REFUSED`, `PROVIDER_REJECTED`: GitLab refused", body = ErrorBody),
        (status = 404, description = "GitLab is not configured", body = ErrorBody),
        (status = 429), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)))]
pub async fn gitlab_callback(State(app): State<App>, back: ProviderRedirect) -> Result<Response, ApiError> {
    Ok(back.finish(&app, Vcs::Gitlab).await?)
}

/// The request of a browser that returns from the provider.
pub struct ProviderRedirect {
    query: Query,
    headers: HeaderMap,
    origin: Origin,
    client: ClientInfo,
}

impl FromRequestParts<App> for ProviderRedirect {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        // Checked before the state is consumed, so that a refused browser can try again.
        AnonymousRateLimit::from_request_parts(parts, app).await?;
        let Ok(client) = ClientInfo::from_request_parts(parts, app).await;
        let query = Query::from_request_parts(parts, app).await?;
        Ok(Self { query, headers: parts.headers.clone(), origin: Origin::of(parts, app), client })
    }
}

impl ProviderRedirect {
    async fn finish(self, app: &App, vcs: Vcs) -> Result<Response> {
        let outcome = self.sign_in(app, vcs).await;
        if let Err(Error::Forbidden { code, .. }) = &outcome {
            let refused = (AuditAction::Login, AuditOutcome::Refused);
            // The browser's session is not recorded: it may belong to another person than the one who was signing in.
            let entry = self.client.audited(app.clock.now(), refused, None, None);
            app.audit_beside(AuditEntry { vcs: Some(vcs), reason: Some(*code), ..entry });
        }
        outcome
    }

    async fn sign_in(&self, app: &App, vcs: Vcs) -> Result<Response> {
        let Self { query, headers, origin, client } = self;
        let provider = app.providers.get(vcs)?;
        let installation = installation(query)?;
        // Everything is read before the state is used up.
        let (state, code, error) = (query.text("state")?, query.text("code")?, query.text("error")?.is_some());
        let Some(state) = state.filter(|state| !state.is_empty()) else {
            return without_state(error, vcs, installation, origin);
        };
        let invalid = || Error::forbidden(Code::InvalidState);
        let state = OpaqueToken::parse(state).ok_or_else(invalid)?;
        // If too little time is left, the state and the code stay valid for another attempt.
        deadline::demand(SIGN_IN)?;
        let now = app.clock.now();
        let begun = consume_state(app, vcs, &state, browsers(headers, origin), now.seconds()).await?;
        let (pending, browser) = begun.ok_or_else(invalid)?;
        let code = bought_with(code, error)?;
        let (verifier, redirect_uri) = (verifier(&browser, &state), redirect_uri(origin, vcs));
        let sign_in = SignIn { verifier: &verifier, redirect_uri: &redirect_uri };
        let tokens = provider.oauth().exchange(code, sign_in, now).await?;
        let profile = provider.profile(&tokens.access).await?;
        let user = store_identity(app, vcs, profile, &tokens, client).await?;
        check_memberships(app, vcs, user, &tokens, client).await?;
        let token = OpaqueToken::new(app.random.bytes()?);
        app.store.put_session(&Session::begin(SessionId::new(token.hash()), user, now.seconds())).await?;
        let done = client.clone().audited(now, (AuditAction::Login, AuditOutcome::Success), user, None);
        app.audit(AuditEntry { vcs: Some(vcs), ..done }).await?;
        delete_replaced_session(app, headers);
        let return_to = pending.return_to.with_installation(installation.or(pending.installation));
        let cookie = [(SET_COOKIE, session_begins(&token, origin)?)];
        Ok(NoStore((StatusCode::SEE_OTHER, to(origin.url(&return_to.encoded())), cookie)).into_response())
    }
}

/// Consumes the sign-in that began with `state` in one of these browsers. Returns it with the browser's secret.
async fn consume_state(
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

/// Anybody may send a browser here without a state, and GitHub's installation flow does, so the sign-in starts again.
/// An error is not answered that way, because the next attempt would end in the same way.
fn without_state(error: bool, vcs: Vcs, installation: Option<InstallationId>, origin: &Origin) -> Result<Response> {
    if error {
        return Err(refused());
    }
    let query = installation.map(|id| format!("?installation_id={id}")).unwrap_or_default();
    Ok(NoStore((StatusCode::FOUND, to(origin.url(&format!("/api/v1/{vcs}/login{query}"))))).into_response())
}

/// The code that buys tokens. `error`: the provider has told of one.
fn bought_with(code: Option<&str>, error: bool) -> Result<&str> {
    match code.filter(|code| !code.is_empty()) {
        Some(code) => Ok(code),
        None if error => Err(refused()),
        None => Err(Error::invalid_because(Code::InvalidQuery, "code is missing")),
    }
}

fn refused() -> Error {
    Error::forbidden(Code::SignInRefused)
}

fn to(location: String) -> [(HeaderName, String); 1] {
    [(LOCATION, location)]
}

/// Stores the identity and its tokens, and returns its user. If two first sign-ins of a person run concurrently, one
/// creates the user and the other uses it. If two change the role, one of them does.
async fn store_identity(
    app: &App,
    vcs: Vcs,
    profile: Profile,
    tokens: &UserTokens,
    client: &ClientInfo,
) -> Result<UserId> {
    let sealed = app.seal(vcs, profile.id, tokens)?;
    let administrator = app.settings.administrators.include(vcs, profile.id);
    for _ in 0..ATTEMPTS {
        let known = app.store.find_user_of_identity(vcs, profile.id).await?;
        let user = known.map_or_else(|| app.random.id().map(UserId::new), Ok)?;
        let was_administrator = match known {
            Some(user) => app.store.is_administrator(user).await?,
            None => false,
        };
        let identity = Identity { vcs, user, profile: profile.clone() };
        let audit_entry = match (was_administrator, administrator) {
            (false, true) => Some(role_changed(app, client, user, AuditChange::Granted)?),
            (true, false) => Some(role_changed(app, client, user, AuditChange::Revoked)?),
            _ => None,
        };
        if app.store.put_identity(&identity, Some(&sealed), administrator, audit_entry.as_ref()).await? {
            return Ok(user);
        }
    }
    Err(Error::unavailable("too many concurrent sign-ins of one person"))
}

fn role_changed(app: &App, client: &ClientInfo, user: UserId, change: AuditChange) -> Result<NewAuditEntry> {
    permission_changed(app, client, user, PermissionChange { user, permission: Permission::Administrator, change })
}

fn permission_changed(app: &App, client: &ClientInfo, user: UserId, change: PermissionChange) -> Result<NewAuditEntry> {
    let done = (AuditAction::PermissionChanged, AuditOutcome::Success);
    app.audit_record(AuditEntry { subject: Some(change), ..client.clone().audited(app.clock.now(), done, user, None) })
}

/// Removes the memberships that the provider does not confirm. If it gives no answer, the sign-in continues, and the
/// next use of an old membership makes the worker ask again.
async fn check_memberships(app: &App, vcs: Vcs, user: UserId, tokens: &UserTokens, client: &ClientInfo) -> Result<()> {
    let audit_entry = |change| permission_changed(app, client, user, change);
    match app.check_memberships(user, vcs, &tokens.access, MEMBERSHIPS_WAIT, audit_entry).await? {
        Ok(_) => {}
        Err(failure) => tracing::warn!(error = %failure, "the memberships could not be checked at a sign-in"),
    }
    Ok(())
}

/// Deletes the session of the replaced cookie in the background.
fn delete_replaced_session(app: &App, headers: &HeaderMap) {
    for before in session_cookies(headers) {
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.delete_session(before).await {
                tracing::warn!(%error, "a replaced session could not be deleted and stays until it expires");
            }
        });
    }
}
