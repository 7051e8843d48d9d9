//! Extractors that prove who is calling and what they may. A handler that takes one cannot be reached by anybody else.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::header::{AUTHORIZATION, HeaderMap};
use http::request::Parts;

use super::error::ApiError;
use super::path::PathParams;
use crate::auth::{ApiKey, Claims, Refused, Verified};
use crate::domain::{Caller, Capability, Code, Error, Namespace, Result, Seconds, Vcs};
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
    /// Anybody with an access token.
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
        let verified = authenticate(&parts.headers, app).await?;
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

/// A caller shown to hold `N` and to reach the path's installation: the token's limits allow it and its owner belongs
/// there. Membership is read once in a token's life.
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
        let namespace = Namespace { vcs: path.vcs()?, installation: path.installation()? };
        authorized.caller().require_reach(namespace)?;
        let verified = &authorized.verified;
        if !verified.member_of(namespace) {
            if !app.store.is_member(verified.caller.user, namespace).await? {
                return Err(Error::forbidden(Code::InstallationForbidden).into());
            }
            verified.remember_member_of(namespace);
        }
        Ok(Self { authorized, namespace })
    }
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

async fn authenticate(headers: &HeaderMap, app: &App) -> Result<Arc<Verified>> {
    let token = bearer(headers)?;
    if ApiKey::claimed_by(token) {
        return Err(Error::Unauthenticated { code: Code::ApiKeyNotAccepted });
    }
    let now = app.clock.now().seconds();
    if let Some(verified) = app.verified.find(token, now) {
        return Ok(verified);
    }
    let claims = match app.verifier.verify(token, now) {
        Err(Refused::UnknownKey) => verify_with_fresh_keys(token, now, app).await?,
        verdict => verdict,
    };
    let claims = claims.map_err(|_| Error::unauthenticated())?;
    Ok(app.verified.insert(token, claims, now))
}

/// Looks at the published keys, unless somebody just did.
async fn verify_with_fresh_keys(token: &str, now: Seconds, app: &App) -> Result<Result<Claims, Refused>> {
    let mut look = app.key_look.lock().await;
    let verdict = app.verifier.verify(token, now);
    if verdict.as_ref().err() != Some(&Refused::UnknownKey) || !look.due(now)? {
        return Ok(verdict);
    }
    let keys = app.store.list_public_keys().await?;
    look.succeeded();
    app.verifier.replace_keys(&keys);
    Ok(app.verifier.verify(token, now))
}
