//! People at a provider: how they sign in and where they belong.

use async_trait::async_trait;

use super::failure::Result;
use super::oauth::OAuth;
use crate::domain::{Profile, ProviderInstallation, SecretText};

/// Calls with a person's token. They fail with [`Failure::Rejected`](super::Failure::Rejected) if it is not accepted.
#[async_trait]
pub trait Accounts {
    fn oauth(&self) -> &OAuth;

    /// The person to whom a token belongs.
    async fn profile(&self, access: &SecretText) -> Result<Profile>;

    /// All installations (GitHub) or groups (GitLab) of a person.
    async fn installations_of_user(&self, access: &SecretText) -> Result<Vec<ProviderInstallation>>;
}
