//! The repositories of an installation.

use async_trait::async_trait;

use super::failure::Result;
use crate::domain::{InstallationId, Millis, ProviderRepository, SecretText};

/// The credential with which an installation's repositories are read.
#[derive(Clone, Copy, Debug)]
pub struct InstallationAccess<'a> {
    pub installation: InstallationId,
    /// GitLab: the token that is stored for the group. Absent: the token of this service's own account. GitHub does not
    /// use it.
    pub token: Option<&'a SecretText>,
    pub now: Millis,
}

/// One page of an installation's repositories.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPage {
    /// At most 100.
    pub repositories: Vec<ProviderRepository>,
    /// The number of the next page. `None` on the last one.
    pub next: Option<u32>,
}

/// Calls with an installation's token.
#[async_trait]
pub trait Catalogue {
    /// A page of an installation's repositories. Pages count from 1.
    async fn repositories(&self, access: InstallationAccess<'_>, page: u32) -> Result<RepositoryPage>;

    /// The current state of one repository.
    ///
    /// # Errors
    /// [`Failure::NotFound`](super::Failure::NotFound) if it has been deleted, or the installation may not access it.
    async fn repository(
        &self,
        access: InstallationAccess<'_>,
        known: &ProviderRepository,
    ) -> Result<ProviderRepository>;

    /// Whether a file is on the repository's default branch.
    async fn has_file(&self, access: InstallationAccess<'_>, at: &ProviderRepository, path: &str) -> Result<bool>;
}
