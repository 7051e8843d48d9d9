//! Extractors that prove who is calling and what they may. A handler that takes one cannot be reached by anybody else.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use futures::future::try_join_all;
use http::Method;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::request::Parts;

use super::cookie::session_cookies;
use super::cors::sent_by_listed;
use super::error::ApiError;
use super::origin::Origin;
use super::path::PathParams;
use super::rate::{charged, network, refuse_limited};
use crate::auth::{ApiKey, Claims, Refused, Verified};
use crate::domain::rate::RateLimitKey;
use crate::domain::{Caller, Capability, Code, Credential, Error, Namespace, Result, Seconds, Session, SessionId, Vcs};
use crate::runtime::App;

/// What a route asks of its callers.
pub trait Needs: Send + Sync + 'static {
    /// All of these.
    const CAPABILITIES: &'static [Capability];
}

macro_rules! needs {
    ($($(#[$doc:meta])* $name:ident => [$($capability:ident),*];)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Needs for $name {
            const CAPABILITIES: &'static [Capability] = &[$(Capability::$capability),*];
        }
    )*};
}

needs! {
    /// Anybody with an access token or a session.
    AnyCaller => [];
    /// `access_token_create`
    AccessTokenCreate => [AccessTokenCreate];
    /// `kv_store_read`
    KvStoreRead => [KvStoreRead];
    /// `kv_store_write`
    KvStoreWrite => [KvStoreWrite];
    /// `kv_store_read` and `kv_store_write`
    KvStoreReadWrite => [KvStoreRead, KvStoreWrite];
}

/// A caller shown to hold `N`.
pub struct Authorized<N> {
    verified: Arc<Verified>,
    needs: PhantomData<N>,
}

impl<N> Authorized<N> {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        &self.verified.caller
    }
}

impl<N: Needs> FromRequestParts<App> for Authorized<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let verified = charged(parts, app, authenticate(parts, app).await).await?;
        for capability in N::CAPABILITIES {
            verified.caller.require(capability)?;
        }
        Ok(Self { verified, needs: PhantomData })
    }
}

/// A caller shown to hold `N` and to reach the path's VCS.
pub struct OnVcs<N> {
    authorized: Authorized<N>,
    /// The path's VCS.
    pub vcs: Vcs,
}

impl<N> OnVcs<N> {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        self.authorized.caller()
    }
}

impl<N: Needs> FromRequestParts<App> for OnVcs<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let authorized = Authorized::from_request_parts(parts, app).await?;
        let vcs = PathParams::from_request_parts(parts, app).await?.vcs()?;
        authorized.caller().require_vcs(vcs)?;
        Ok(Self { authorized, vcs })
    }
}

/// An administrator: the credential opens these routes, and a row of their own says at this moment that they are one.
pub struct Administrator(Authorized<AnyCaller>);

impl Administrator {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        self.0.caller()
    }
}

impl FromRequestParts<App> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let authorized = Authorized::from_request_parts(parts, app).await?;
        require_administrator(authorized.caller(), app).await?;
        Ok(Self(authorized))
    }
}

/// Refuses a caller who is not an administrator now, or whose credential does not open the administrators' routes. One read,
/// unless the credential already tells.
pub async fn require_administrator(caller: &Caller, app: &App) -> Result<()> {
    caller.require_administration()?;
    if app.store.is_administrator(caller.user).await? {
        return Ok(());
    }
    Err(Error::forbidden(Code::AdministratorRequired))
}

/// A caller shown to hold `N` and to reach the path's installation: the token's limits allow it and its owner belongs
/// there. Membership is read once in a token's life, and in every request of a session.
pub struct InNamespace<N> {
    authorized: Authorized<N>,
    /// The path's installation.
    pub namespace: Namespace,
}

impl<N> InNamespace<N> {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        self.authorized.caller()
    }
}

impl<N: Needs> FromRequestParts<App> for InNamespace<N> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let authorized = Authorized::from_request_parts(parts, app).await?;
        let path = PathParams::from_request_parts(parts, app).await?;
        let namespace = path.namespace()?;
        authorized.caller().require_reach(namespace)?;
        require_member(&authorized.verified, namespace, app).await?;
        Ok(Self { authorized, namespace })
    }
}

/// A caller shown to have been let into the path's installation: a token that names it, or a browser session, of somebody
/// who belongs there.
pub struct InInstallation {
    authorized: Authorized<AnyCaller>,
    /// The path's installation.
    pub namespace: Namespace,
}

impl InInstallation {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        self.authorized.caller()
    }
}

impl FromRequestParts<App> for InInstallation {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let authorized = Authorized::from_request_parts(parts, app).await?;
        let namespace = PathParams::from_request_parts(parts, app).await?.namespace()?;
        authorized.caller().require_reach(namespace)?;
        authorized.caller().require_installation(namespace.installation)?;
        require_member(&authorized.verified, namespace, app).await?;
        Ok(Self { authorized, namespace })
    }
}

/// A caller who may ask about the path's GitLab group: a token that names it, or a browser session. Whether its owner
/// belongs there is for GitLab to say: a group may be set up before anybody belongs to it here.
pub struct InGroup {
    authorized: Authorized<AnyCaller>,
    /// The path's group.
    pub group: Namespace,
}

impl InGroup {
    /// The caller.
    pub fn caller(&self) -> &Caller {
        self.authorized.caller()
    }
}

impl FromRequestParts<App> for InGroup {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let authorized = Authorized::from_request_parts(parts, app).await?;
        let group = PathParams::from_request_parts(parts, app).await?.group()?;
        authorized.caller().require_reach(group)?;
        authorized.caller().require_installation(group.installation)?;
        Ok(Self { authorized, group })
    }
}

/// Refuses a caller who is not a member of an installation. Read once in a token's life.
async fn require_member(verified: &Verified, namespace: Namespace, app: &App) -> Result<()> {
    if !verified.member_of(namespace) {
        app.require_member(verified.caller.user, namespace).await?;
        verified.remember_member_of(namespace);
    }
    Ok(())
}

/// The one bearer credential of a request.
///
/// # Errors
/// Unauthenticated when there is none, more than one, or another scheme (RFC 6750 §2.1).
pub fn bearer(headers: &HeaderMap) -> Result<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().map_err(|_| Error::unauthenticated())?,
        _ => return Err(Error::unauthenticated()),
    };
    let (scheme, credential) = value.split_once(' ').ok_or_else(Error::unauthenticated)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::unauthenticated());
    }
    Ok(credential.trim())
}

/// Whether a request presents a bearer credential, good or not. A session cookie beside one is not looked at.
fn presents_bearer(headers: &HeaderMap) -> bool {
    let scheme = |value: &HeaderValue| {
        let scheme = value.as_bytes().split(|byte| *byte == b' ').next();
        scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
    };
    headers.get_all(AUTHORIZATION).iter().any(scheme)
}

/// Who is calling, by access token or session. Nobody is charged for it.
///
/// # Errors
/// Unauthenticated; forbidden, when another site's page sent the cookie along; over the rate, when the caller is known to be.
pub async fn authenticate(parts: &Parts, app: &App) -> Result<Arc<Verified>> {
    let sessions = session_cookies(&parts.headers);
    if sessions.is_empty() || presents_bearer(&parts.headers) {
        return by_access_token(parts, app).await;
    }
    by_session(&sessions, parts, app).await.map(Arc::new)
}

/// A session is read for every request, so that a logout takes effect at once. Of several that the cookies name, exactly
/// one must be live: a stale one beside it does no harm, and two live ones could belong to two people.
async fn by_session(named: &[SessionId], parts: &Parts, app: &App) -> Result<Verified> {
    let now = app.clock.now().seconds();
    for id in named {
        refuse_limited(parts, app, RateLimitKey::Session(*id))?;
    }
    if !named.iter().any(|id| app.limits.knows(RateLimitKey::Session(*id))) {
        refuse_limited(parts, app, RateLimitKey::Anonymous(network(parts)))?;
    }
    let found = try_join_all(named.iter().map(|id| app.store.find_session(*id, now))).await?;
    let mut live = found.into_iter().flatten();
    let (Some(session), None) = (live.next(), live.next()) else { return Err(Error::unauthenticated()) };
    let writes = !matches!(parts.method, Method::GET | Method::HEAD);
    // The browser sends the cookie along whoever made it send the request.
    let trusted =
        || Origin::of(parts, app).sent(&parts.headers) || sent_by_listed(&app.settings.listed_origins, &parts.headers);
    if writes && !trusted() {
        return Err(Error::forbidden(Code::CrossOrigin));
    }
    if let Some(used) = session.used(now) {
        let store = app.store.clone();
        app.background.spawn(async move {
            if let Err(error) = store.touch_session(&used).await {
                tracing::warn!(%error, "a session's last use was not noted");
            }
        });
    }
    Ok(Verified::new(Caller {
        user: session.user,
        credential: Credential::Session(session.id),
        capabilities: Session::capabilities(),
        administration: true,
    }))
}

async fn by_access_token(parts: &Parts, app: &App) -> Result<Arc<Verified>> {
    let token = bearer(&parts.headers)?;
    if ApiKey::claimed_by(token) {
        return Err(Error::Unauthenticated { code: Code::ApiKeyNotAccepted });
    }
    let now = app.clock.now().seconds();
    if let Some(verified) = app.verified.find(token, now) {
        return Ok(verified);
    }
    renew_keys(now, app).await;
    let claims = match app.verifier.verify(token, now) {
        Err(Refused::UnknownKey) => {
            refuse_limited(parts, app, RateLimitKey::Anonymous(network(parts)))?;
            verify_with_fresh_keys(token, now, app).await?
        }
        verdict => verdict,
    };
    let claims = claims.map_err(|_| Error::unauthenticated())?;
    Ok(app.verified.insert(token, claims, now))
}

/// Every few minutes one caller looks at the published keys although all at hand do: some may have been withdrawn. When
/// that fails, those at hand stay.
async fn renew_keys(now: Seconds, app: &App) {
    let Ok(mut look) = app.key_refresh.try_lock() else { return };
    if !look.outdated(now) || !matches!(look.due(now), Ok(true)) {
        return;
    }
    match app.store.list_public_keys(now).await {
        Ok(keys) => {
            look.succeeded(now);
            app.verifier.replace_keys(&keys);
        }
        Err(error) => tracing::warn!(%error, "the published keys could not be looked at, those at hand stay in use"),
    }
}

/// Looks at the published keys, unless somebody just did.
async fn verify_with_fresh_keys(token: &str, now: Seconds, app: &App) -> Result<Result<Claims, Refused>> {
    let mut look = app.key_refresh.lock().await;
    let verdict = app.verifier.verify(token, now);
    if verdict.as_ref().err() != Some(&Refused::UnknownKey) || !look.due(now)? {
        return Ok(verdict);
    }
    let keys = app.store.list_public_keys(now).await?;
    look.succeeded(now);
    app.verifier.replace_keys(&keys);
    Ok(app.verifier.verify(token, now))
}
