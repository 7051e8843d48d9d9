//! How long a person's membership in an installation is trusted before the provider is asked again.

use super::{Millis, UserId};

/// How long a membership is served while the provider gives no definite answer, in milliseconds: three days.
const SERVED_UNCONFIRMED_MS: i64 = 3 * 24 * 3_600_000;
/// A confirmation is written when the one before is older than this part of the maximum age: a person who looks at
/// their installations all the time does not write all the time.
const CONFIRMED_PARTS: i64 = 24;

/// A person belongs to an installation. This is what the row says besides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// When the provider last confirmed it. `None` for a row that was written before memberships were checked.
    pub checked_at: Option<Millis>,
}

/// The age at which using a membership starts a new check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MembershipMaxAge {
    /// In seconds; at least [`Self::LEAST_SECONDS`].
    seconds: i64,
}

impl MembershipMaxAge {
    /// The default: one day.
    pub const DEFAULT_SECONDS: u32 = 86_400;
    /// The smallest value. An access token is valid for as long, so a smaller one would have no effect.
    pub const LEAST_SECONDS: u32 = 60;

    /// From seconds; a value below [`Self::LEAST_SECONDS`] is raised to it.
    pub fn new(seconds: u32) -> Self {
        Self { seconds: seconds.max(Self::LEAST_SECONDS).into() }
    }
}

impl Default for MembershipMaxAge {
    fn default() -> Self {
        Self::new(Self::DEFAULT_SECONDS)
    }
}

impl Membership {
    /// Whether the provider must be asked again. A confirmation in the future (another machine's clock) counts as
    /// recent.
    pub fn due(self, now: Millis, max_age: MembershipMaxAge) -> bool {
        self.older_than(max_age.seconds * 1_000, now)
    }

    /// Whether a confirmation at `now` should be stored: the stored one is older than a 24th of `max_age`.
    pub fn confirmation_outdated(self, now: Millis, max_age: MembershipMaxAge) -> bool {
        self.older_than(max_age.seconds * 1_000 / CONFIRMED_PARTS, now)
    }

    fn older_than(self, age_ms: i64, now: Millis) -> bool {
        self.checked_at.is_none_or(|at| now.0.saturating_sub(at.0) > age_ms)
    }
}

/// Whether a membership is suspended at `now`, if the check that was requested at `asked_at` has had no definite answer
/// yet.
pub const fn suspended(asked_at: Millis, now: Millis) -> bool {
    now.0.saturating_sub(asked_at.0) >= SERVED_UNCONFIRMED_MS
}

/// Whether this is the service user of a team or organization. Only their ids are UUIDs of version 8. Their memberships
/// are not checked, because no provider knows them.
pub fn is_service_user(user: UserId) -> bool {
    user.bytes()[6] >> 4 == 8
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::domain::organization::{OrganizationCode, TeamId};

    fn checked(at: i64) -> Membership {
        Membership { checked_at: Some(Millis(at)) }
    }

    #[test]
    fn membership_is_due_above_its_maximum_age() {
        let age = MembershipMaxAge::new(100);
        assert!(!checked(0).due(Millis(100_000), age));
        assert!(checked(0).due(Millis(100_001), age));
        assert!(Membership { checked_at: None }.due(Millis(0), age), "a row from before there were checks");
        assert!(!checked(i64::MAX).due(Millis(0), age), "another machine's clock is ahead");
    }

    #[test]
    fn maximum_age_is_at_least_a_minute() {
        assert_eq!(MembershipMaxAge::new(0), MembershipMaxAge::new(60));
        assert_ne!(MembershipMaxAge::new(61), MembershipMaxAge::new(60));
    }

    #[test]
    fn confirmation_is_written_once_an_hour_by_default() {
        let age = MembershipMaxAge::default();
        assert!(!checked(0).confirmation_outdated(Millis(3_600_000), age));
        assert!(checked(0).confirmation_outdated(Millis(3_600_001), age));
    }

    #[test]
    fn membership_is_suspended_after_three_unconfirmed_days() {
        let days = 3 * 86_400_000;
        assert!(!suspended(Millis(5), Millis(days + 4)));
        assert!(suspended(Millis(5), Millis(days + 5)));
    }

    #[test]
    fn service_users_are_distinguished_from_people() {
        let team = TeamId::new(OrganizationCode::new([1; 8]), [2; 8]);
        assert!(is_service_user(team.service_user()));
        for person in [Uuid::from_u128(0x4000_8000_0000_0000_0001), Uuid::nil(), Uuid::max()] {
            assert!(!is_service_user(UserId::new(person)));
        }
    }
}
