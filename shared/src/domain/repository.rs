//! Repositories that an installation has let the service see.

use super::{Code, Error, Millis, Result};

/// A repository's name, owner or path: what its provider says, up to 255 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// No provider's are longer.
    const MAX_BYTES: usize = 255;

    /// Takes a name, refusing one that is empty or too long.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(Error::invalid_because(Code::InvalidBody, "a repository's name has 1 to 255 bytes"));
        }
        Ok(Self(name))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a provider says of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The provider's number; it outlives every renaming.
    pub id: u64,
    /// The account or group it belongs to.
    pub owner: String,
    /// Its name without the owner.
    pub name: RepositoryName,
    /// Whether the workflow file was on the default branch when it was last looked for.
    pub setup: bool,
}

/// A repository as it is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRepository {
    /// What its provider said last.
    pub repository: Repository,
    /// When that last changed.
    pub updated_at: Millis,
}
