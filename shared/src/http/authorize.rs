//! Extractors that check what a caller may do. A handler that takes one runs only for callers who pass its check.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::credential::charging::credential_budget;
use super::credential::{UnverifiedCredential, authenticate, charged};
use super::error::ApiError;
use super::path::PathParams;
use crate::auth::Verified;
use crate::domain::{Caller, Capability, Code, Error, Namespace, Result, Vcs};
use crate::runtime::App;

/// The capabilities that a route requires.
pub trait Needs: Send + Sync + 'static {
    /// The caller must hold all of them.
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
    /// No capability: any access token or session.
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

/// A caller who holds `N`.
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
        let authentication = async { authenticate(UnverifiedCredential::of(&parts.headers)?, parts, app).await };
        let verified = charged(parts, app, credential_budget, authentication).await?;
        for capability in N::CAPABILITIES {
            verified.caller.require(capability)?;
        }
        Ok(Self { verified, needs: PhantomData })
    }
}

/// A caller who holds `N`, and whose limits allow the path's VCS.
pub struct OnVcs<N> {
    authorized: Authorized<N>,
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

/// An administrator: the credential may be used for administrators' routes, and the user is stored as an administrator.
/// The row is read for every request.
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

/// Refuses a caller who is not an administrator, or whose credential may not be used for administrators' routes. Costs
/// one read, unless the credential is refused.
pub async fn require_administrator(caller: &Caller, app: &App) -> Result<()> {
    caller.require_administration()?;
    if app.store.is_administrator(caller.user).await? {
        return Ok(());
    }
    Err(Error::forbidden(Code::AdministratorRequired))
}

/// A caller who holds `N`, whose limits allow the path's installation, and who is a member of it. The membership is
/// read once for a token, and in every request of a session.
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

/// A member of the path's installation with a token that names it, or with a browser session.
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

/// A caller who may ask about the path's GitLab group, with a token that names it or with a browser session. The
/// handler asks GitLab whether the caller is in the group: a group may be set up before it has a stored member.
pub struct InGroup {
    authorized: Authorized<AnyCaller>,
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

/// Refuses a caller who is not a member of an installation. The membership is read once for a token.
async fn require_member(verified: &Verified, namespace: Namespace, app: &App) -> Result<()> {
    if !verified.member_of(namespace) {
        app.require_member(verified.caller.user, namespace).await?;
        verified.remember_member_of(namespace);
    }
    Ok(())
}
