//! Who sends a request, after the credential has been verified, and which requests the credential allows.

use super::{Capabilities, Capability, Code, Error, InstallationId, KeyId, Namespace, Result, SessionId, UserId, Vcs};

/// The kind of credential that was presented, and the row that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token that was issued for this API key, or for the team token with this key id.
    AccessToken(KeyId),
    /// The session cookie of a browser.
    Session(SessionId),
}

/// A verified caller: its credential has been checked.
///
/// The `require_…` functions return an error if the caller lacks something, and change nothing. They do not check
/// membership in an installation, which needs storage: `http/authorize.rs` does.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The person, or the service user of a team or organization, that the credential belongs to.
    pub user: UserId,
    pub credential: Credential,
    pub capabilities: Capabilities,
    /// Whether the credential may be used for the administrators' routes. True for every session, and for access tokens
    /// of keys that were created with `administration`. The owner must be an administrator as well.
    pub administration: bool,
}

impl Caller {
    /// Whether the credential is a session. A session has no limits: only its user's memberships count.
    pub fn is_session(&self) -> bool {
        matches!(self.credential, Credential::Session(_))
    }

    /// Checks that the caller has `capability`.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`], naming the capability.
    pub fn require(&self, capability: &Capability) -> Result<()> {
        if self.capabilities.holds(capability) {
            return Ok(());
        }
        Err(Error::Forbidden { code: Code::InsufficientScope, missing: Some(capability.name().into()) })
    }

    /// Checks that the caller's limits allow `vcs`.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`], naming `vcs:<vcs>`.
    pub fn require_vcs(&self, vcs: Vcs) -> Result<()> {
        if self.capabilities.reaches_vcs(vcs) {
            return Ok(());
        }
        let missing = Capability::Vcs(vcs.as_str().into()).name();
        Err(Error::Forbidden { code: Code::InsufficientScope, missing: Some(missing.into()) })
    }

    /// Checks that the credential may be used for the administrators' routes. They concern all installations, so a
    /// credential that is limited to some is refused.
    ///
    /// # Errors
    /// [`Code::AdministratorRequired`] without `administration`; [`Code::InstallationForbidden`] with a limit.
    pub fn require_administration(&self) -> Result<()> {
        if !self.administration {
            return Err(Error::forbidden(Code::AdministratorRequired));
        }
        if self.capabilities.reaches_every_installation() {
            return Ok(());
        }
        Err(Error::forbidden(Code::InstallationForbidden))
    }

    /// Checks that the caller's limits allow `namespace`.
    ///
    /// # Errors
    /// [`Code::InstallationForbidden`].
    pub fn require_reach(&self, namespace: Namespace) -> Result<()> {
        if self.capabilities.reaches(namespace) {
            return Ok(());
        }
        Err(Error::forbidden(Code::InstallationForbidden))
    }

    /// Checks that the credential names the installation explicitly. A session passes, because it cannot name any.
    ///
    /// # Errors
    /// [`Code::InsufficientScope`], naming `installation_id:<id>`.
    pub fn require_installation(&self, id: InstallationId) -> Result<()> {
        let grant = Capability::InstallationId(id.to_string());
        if self.is_session() { Ok(()) } else { self.require(&grant) }
    }
}
