//! Tokens of teams and organizations: long-lived, good for managing teams and tokens, and for an exchange.

use super::{Description, OrganizationId, TeamId, TeamTokenId};
use crate::domain::{Millis, UserId};

/// Whose a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenHolder {
    /// The organization itself.
    Organization,
    /// A team of it.
    Team(TeamId),
}

/// Who created a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creator {
    /// A person, with the name they went by then.
    User(UserId, String),
    /// Somebody with a token of a team.
    Team(TeamId),
    /// Somebody with the organization's own token.
    Organization(OrganizationId),
}

/// A token's row: everything but the secret.
#[derive(Clone, Debug)]
pub struct TeamToken {
    /// Names the row.
    pub id: TeamTokenId,
    /// Whose it is.
    pub holder: TokenHolder,
    /// What it is for. None: the one legacy token of its holder.
    pub description: Option<Description>,
    /// SHA-256 of the secret half.
    pub secret_hash: [u8; 32],
    /// When it was created.
    pub created_at: Millis,
    /// When it stops working; no leeway.
    pub expired_at: Option<Millis>,
    /// Its first use, and later ones to the minute.
    pub last_used_at: Option<Millis>,
    /// Who created it.
    pub created_by: Creator,
}

impl TeamToken {
    /// `last_used_at` is kept to this many milliseconds.
    pub const LAST_USED_MS: i64 = 60_000;

    /// Whether it has stopped working.
    pub fn expired(&self, now: Millis) -> bool {
        self.expired_at.is_some_and(|end| end <= now)
    }

    /// Whether a use at this time is worth a note.
    pub fn use_is_news(&self, now: Millis) -> bool {
        self.last_used_at.is_none_or(|last| now.0.saturating_sub(last.0) >= Self::LAST_USED_MS)
    }
}
