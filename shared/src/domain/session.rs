//! Browser sessions, which a signed-in person's cookie stands for.

use std::fmt;

use super::{Capabilities, Capability, Seconds, UserId};

/// The id of a session: the SHA-256 of the cookie's value. The value itself is not stored anywhere. As text, 64
/// hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// From the SHA-256 of a cookie's value.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A session, as it is stored. The server decides when it ends, whatever cookie the browser keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The hash of the cookie's value.
    pub id: SessionId,
    pub user: UserId,
    pub created_at: Seconds,
    /// When it was last used, accurate to an hour.
    pub last_used_at: Seconds,
}

impl Session {
    /// A session ends after this time without a request: 7 days.
    pub const IDLE_SECONDS: i64 = 7 * 24 * 3600;
    /// A session ends after this time in any case: 30 days.
    pub const ABSOLUTE_SECONDS: i64 = 30 * 24 * 3600;
    /// `last_used_at` is accurate to this many seconds: a later use within this time is not written.
    const LAST_USED_SECONDS: i64 = 3600;

    /// A session that begins at `now`.
    pub const fn begin(id: SessionId, user: UserId, now: Seconds) -> Self {
        Self { id, user, created_at: now, last_used_at: now }
    }

    /// The first second at which it has ended, if it is not used again.
    pub fn ends_at(&self) -> Seconds {
        self.created_at.plus(Self::ABSOLUTE_SECONDS).min(self.last_used_at.plus(Self::IDLE_SECONDS))
    }

    /// Whether it has ended at `now`.
    pub fn over(&self, now: Seconds) -> bool {
        self.ends_at() <= now
    }

    /// The session with a use at `now`, to be stored; `None` if the stored use is less than an hour old.
    pub fn used(&self, now: Seconds) -> Option<Self> {
        let due = now >= self.last_used_at.plus(Self::LAST_USED_SECONDS);
        due.then_some(Self { last_used_at: now, ..*self })
    }

    /// The capabilities of every session. Its user's memberships decide in which installations it may use them.
    pub fn capabilities() -> Capabilities {
        [Capability::AccessTokenCreate, Capability::KvStoreRead, Capability::KvStoreWrite].into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;

    #[test]
    fn session_ends_after_a_week_idle_or_a_month_in_total() {
        let mut session = Session::begin(SessionId::new([0xab; 32]), UserId::new(Uuid::from_u128(1)), Seconds(0));
        assert!(!session.over(Seconds(7 * DAY - 1)) && session.over(Seconds(7 * DAY)));
        for day in (6..30).step_by(6) {
            session = session.used(Seconds(day * DAY)).unwrap();
        }
        assert!(!session.over(Seconds(30 * DAY - 1)) && session.over(Seconds(30 * DAY)));
    }

    #[test]
    fn use_is_recorded_once_an_hour() {
        let session = Session::begin(SessionId::new([0; 32]), UserId::new(Uuid::from_u128(1)), Seconds(100));
        assert_eq!(session.used(Seconds(100 + HOUR - 1)), None);
        assert_eq!(session.used(Seconds(100 + HOUR)).unwrap().last_used_at, Seconds(100 + HOUR));
    }

    #[test]
    fn row_id_is_hexadecimal() {
        assert_eq!(SessionId::new([0x0f; 32]).to_string(), "0f".repeat(32));
    }
}
