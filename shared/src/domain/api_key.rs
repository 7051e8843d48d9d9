//! API keys as they are stored: everything but the secret.

use std::collections::BTreeSet;

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

/// The keys that a key came of. None for a key that a session created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The key whose access token created it.
    pub parent: Option<KeyId>,
    /// The parent, its parent, and so on, whether they still exist or not.
    pub ancestors: BTreeSet<KeyId>,
}

impl Lineage {
    /// The most keys that a key can come of, one after the other. Each takes 36 bytes in its descendants' rows.
    pub const MOST: usize = 1_000;

    /// The lineage of a key that is created with an access token of `parent`.
    ///
    /// # Errors
    /// [`Code::LineageTooLong`].
    pub fn of_child(parent: &ApiKeyRecord) -> Result<Self> {
        let mut ancestors = parent.lineage.ancestors.clone();
        if ancestors.len() >= Self::MOST {
            return Err(Error::invalid(Code::LineageTooLong));
        }
        ancestors.insert(parent.id);
        Ok(Self { parent: Some(parent.id), ancestors })
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
    /// The keys that it came of.
    pub lineage: Lineage,
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
