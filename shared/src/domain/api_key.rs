//! API keys as they are stored. The secret itself is in `auth::ApiKey`, and is never stored.

use std::collections::BTreeSet;

use super::{Capabilities, Code, Error, KeyId, Millis, Result, Seconds, UserId, Vcs};

/// The name that a person gives an API key: any text of at most 256 bytes. Several keys may have the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyName(String);

impl KeyName {
    const MAX_BYTES: usize = 256;

    /// A name from a request's body.
    ///
    /// # Errors
    /// [`Code::InvalidBody`] if the name is longer than 256 bytes.
    pub fn new(name: String) -> Result<Self> {
        if name.len() > Self::MAX_BYTES {
            return Err(Error::invalid_because(Code::InvalidBody, "name is longer than 256 bytes"));
        }
        Ok(Self(name))
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The keys that a key descends from. Empty for a key that was created with a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The key behind the access token that created it.
    pub parent: Option<KeyId>,
    /// The parent, the parent's parent, and so on, including keys that have been deleted.
    pub ancestors: BTreeSet<KeyId>,
}

impl Lineage {
    /// How many ancestors a key may have. Each takes 36 bytes in the rows of its descendants.
    pub const MOST: usize = 1_000;

    /// The lineage of a key that is created with an access token of `parent`.
    ///
    /// # Errors
    /// [`Code::LineageTooLong`] if `parent` already has [`Self::MOST`] ancestors.
    pub fn of_child(parent: &ApiKeyRecord) -> Result<Self> {
        let mut ancestors = parent.lineage.ancestors.clone();
        if ancestors.len() >= Self::MOST {
            return Err(Error::invalid(Code::LineageTooLong));
        }
        ancestors.insert(parent.id);
        Ok(Self { parent: Some(parent.id), ancestors })
    }
}

/// An API key as it is stored: everything except the secret.
#[derive(Clone, Debug)]
pub struct ApiKeyRecord {
    /// The key's id, which is also part of its secret text.
    pub id: KeyId,
    /// The owner. The key reaches only installations that the owner is a member of.
    pub user: UserId,
    /// The `vcs` in the path of the request that created it.
    pub vcs: Vcs,
    pub name: KeyName,
    /// The capabilities of its access tokens, unless an exchange asks for fewer.
    pub capabilities: Capabilities,
    /// The keys that it descends from.
    pub lineage: Lineage,
    /// Whether its access tokens may be used for the administrators' routes, if the owner is an administrator.
    pub administration: bool,
    /// SHA-256 of the 32 random bytes of the secret.
    pub secret_hash: [u8; 32],
    /// The instant of the request that created it.
    pub created_at: Millis,
    /// The first second at which exchanges are refused, without leeway. `None`: it does not expire.
    pub expires_at: Option<Seconds>,
    /// Its last exchange, accurate to a minute. `None`: never exchanged.
    pub last_used_at: Option<Seconds>,
}

impl ApiKeyRecord {
    /// Whether the key has expired at `now`.
    pub fn expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| end.millis() <= now)
    }
}
