//! The caller: an identity whose credential has been verified.

use super::{Capabilities, Capability, Code, Error, InstallationId, KeyId, Namespace, Result, SessionId, UserId, Vcs};

/// What the caller presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// An access token, bought with this API key.
    AccessToken(KeyId),
    /// A browser's session.
    Session(SessionId),
}

/// Who is calling, and what the credential lets them do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The owner of the credential.
    pub user: UserId,
    /// What was presented.
    pub credential: Credential,
    /// What it carries.
    pub capabilities: Capabilities,
    /// Whether it opens the administrators' routes, if its owner is an administrator. Every session does; an access token
    /// does when its key was created for it.
    pub administration: bool,
}

impl Caller {
    /// Whether a browser's session speaks: its user's memberships decide everywhere.
    pub fn is_session(&self) -> bool {
        matches!(self.credential, Credential::Session(_))
    }

    /// Refuses a caller who lacks `capability`.
    pub fn require(&self, capability: &Capability) -> Result<()> {
        if self.capabilities.holds(capability) {
            return Ok(());
        }
        Err(Error::Forbidden { code: Code::InsufficientScope, missing: Some(capability.name().into()) })
    }

    /// Refuses a caller whose token is limited to another VCS.
    pub fn require_vcs(&self, vcs: Vcs) -> Result<()> {
        if self.capabilities.reaches_vcs(vcs) {
            return Ok(());
        }
        let missing = Capability::Vcs(vcs.as_str().into()).name();
        Err(Error::Forbidden { code: Code::InsufficientScope, missing: Some(missing.into()) })
    }

    /// Refuses a credential that does not open the administrators' routes, or that is limited to some installations: these
    /// routes are about all of them.
    pub fn require_administration(&self) -> Result<()> {
        if !self.administration {
            return Err(Error::forbidden(Code::AdministratorRequired));
        }
        if self.capabilities.reaches_every_installation() {
            return Ok(());
        }
        Err(Error::forbidden(Code::InstallationForbidden))
    }

    /// Refuses a caller whose token is limited to other installations.
    pub fn require_reach(&self, namespace: Namespace) -> Result<()> {
        if self.capabilities.reaches(namespace) {
            return Ok(());
        }
        Err(Error::forbidden(Code::InstallationForbidden))
    }

    /// Refuses a token that does not name the installation. A browser session has no such list: membership decides.
    pub fn require_installation(&self, id: InstallationId) -> Result<()> {
        let grant = Capability::InstallationId(id.to_string());
        if self.is_session() { Ok(()) } else { self.require(&grant) }
    }
}
