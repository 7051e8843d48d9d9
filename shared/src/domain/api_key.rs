//! API keys as they are stored: everything but the secret.

use super::{Capabilities, Code, Error, KeyId, Millis, Result, Seconds, UserId, Vcs};

/// A key's name: any text up to 256 bytes, not unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    const MAX_BYTES: usize = 256;

    /// Takes a name, refusing one that is too long.
    pub fn new(name: String) -> Result<Self> {
        if name.len() > Self::MAX_BYTES {
            return Err(Error::invalid_because(Code::InvalidBody, "name is longer than 256 bytes"));
        }
        Ok(Self(name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An API key's row.
#[derive(Clone, Debug)]
pub struct ApiKeyRecord {
    /// Names the row.
    pub id: KeyId,
    /// Who created it and whose memberships it uses.
    pub user: UserId,
    /// The path it was created through.
    pub vcs: Vcs,
    /// For people.
    pub name: KeyName,
    /// What its access tokens carry.
    pub capabilities: Capabilities,
    /// Whether its access tokens open the administrators' routes to an administrator.
    pub administration: bool,
    /// SHA-256 of the secret half.
    pub secret_hash: [u8; 32],
    /// When it was created.
    pub created_at: Millis,
    /// When it stops working; no leeway.
    pub expires_at: Option<Seconds>,
    /// Its last exchange, to the minute.
    pub last_used_at: Option<Seconds>,
}

impl ApiKeyRecord {
    /// Whether the key has stopped working.
    pub fn expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| end.millis() <= now)
    }
}
