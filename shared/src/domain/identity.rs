//! A person's identity at a provider, and the user it belongs to.

use super::{Profile, UserId, Vcs};

/// An identity. The provider's number for the person names it: a login may be changed, and then taken by somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub vcs: Vcs,
    /// Whose it is here.
    pub user: UserId,
    /// Who they are there, as of their last sign-in.
    pub profile: Profile,
}
