//! Tokens of teams and organizations. They are long-lived, are accepted under `/api/v2`, and can be exchanged for
//! access tokens.

use super::{Description, OrganizationId, TeamId, TeamTokenId};
use crate::domain::{Millis, UserId};

/// Who a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHolder {
    Organization,
    /// A team of the organization.
    Team(TeamId),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creator {
    /// A person, with their name at that time.
    User(UserId, String),
    /// Somebody with a token of a team.
    Team(TeamId),
    /// Somebody with the organization's own token.
    Organization(OrganizationId),
}

/// A token of a team or organization, as it is stored: everything except the secret.
#[derive(Clone, Debug)]
pub struct TeamToken {
    /// Its id, which is also part of its secret text.
    pub id: TeamTokenId,
    /// The team or organization that it belongs to.
    pub holder: TokenHolder,
    /// What it is for. `None`: it is the legacy token of its holder.
    pub description: Option<Description>,
    /// SHA-256 of the random part of the secret.
    pub secret_hash: [u8; 32],
    pub created_at: Millis,
    /// The instant from which it is refused, without leeway. `None`: it does not expire.
    pub expired_at: Option<Millis>,
    /// Its last use, accurate to a minute. `None`: never used.
    pub last_used_at: Option<Millis>,
    pub created_by: Creator,
}

impl TeamToken {
    /// `last_used_at` is accurate to this many milliseconds: a later use within this time is not written.
    pub const LAST_USED_MS: i64 = 60_000;

    /// Whether it has expired at `now`.
    pub fn expired(&self, now: Millis) -> bool {
        self.expired_at.is_some_and(|end| end <= now)
    }

    /// Whether a use at `now` must be written: the stored one is at least a minute old, or there is none.
    pub fn must_record_use(&self, now: Millis) -> bool {
        self.last_used_at.is_none_or(|last| now.0.saturating_sub(last.0) >= Self::LAST_USED_MS)
    }
}
