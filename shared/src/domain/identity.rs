//! A person's account at a provider, and the user that it belongs to.

use super::{Profile, UserId, Vcs};

/// A person's account at a provider. It is identified by the provider's number: a login can be changed and then taken
/// by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider that has the account.
    pub vcs: Vcs,
    /// The user of this service that it belongs to.
    pub user: UserId,
    /// The profile, as of the last sign-in.
    pub profile: Profile,
}
