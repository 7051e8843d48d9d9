//! Repositories that an installation gives the service access to.

use super::{Code, Error, Millis, Result};

/// A repository's name as its provider returns it: 1 to 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// Neither GitHub nor GitLab allows longer names.
    const MAX_BYTES: usize = 255;

    /// A name from a provider's answer or a request.
    ///
    /// # Errors
    /// [`Code::InvalidBody`] if the name is empty or longer than 255 bytes.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(Error::invalid_because(Code::InvalidBody, "a repository's name has 1 to 255 bytes"));
        }
        Ok(Self(name))
    }

    /// The name as the provider returned it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A repository, as its provider describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The provider's number for it, which stays the same when it is renamed.
    pub id: u64,
    /// The account or group it belongs to.
    pub owner: String,
    /// Its name without the owner.
    pub name: RepositoryName,
    /// Whether the workflow file was on the default branch when it was last looked for.
    pub setup: bool,
}

/// A repository as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRepository {
    /// The provider's latest description.
    pub repository: Repository,
    /// When the description last changed.
    pub updated_at: Millis,
}
