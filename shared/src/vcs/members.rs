//! What the people of an installation may do.

use async_trait::async_trait;

use super::catalogue::InstallationAccess;
use super::failure::Result;
use crate::domain::{Profile, ProviderRepository};

/// Questions about one person, with an installation's token.
#[async_trait]
pub trait Members {
    /// Whether a person administers the account that owns the repository. Always `false` for a personal account.
    async fn is_administrator(
        &self,
        access: InstallationAccess<'_>,
        of: &ProviderRepository,
        person: &Profile,
    ) -> Result<bool>;

    /// Whether a person is a member of the installation's account (GitHub) or of the group (GitLab). Asks with the
    /// installation's own token.
    ///
    /// # Errors
    /// [`Failure::Forbidden`](super::Failure::Forbidden) if the token has no permission to tell. GitHub gives no definite answer about
    /// collaborators of a personal account.
    async fn is_member(&self, access: InstallationAccess<'_>, person: &Profile) -> Result<bool>;
}
