//! Browser sessions: what a signed-in person's cookie stands for.

use std::fmt;

use super::{Capabilities, Capability, Seconds, UserId};

/// Names a session's row: the SHA-256 of the cookie's value, which itself is stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// Wraps a hash.
    pub const fn new(hash: [u8; 32]) -> Self {
        Self(hash)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A session. It ends on the server, whatever the browser keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names the row.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// When they signed in.
    pub created_at: Seconds,
    /// When it was last used, to the hour.
    pub last_used_at: Seconds,
}

impl Session {
    /// It ends when it was not used for this long.
    pub const IDLE_SECONDS: i64 = 7 * 24 * 3600;
    /// It ends this long after its beginning, used or not.
    pub const ABSOLUTE_SECONDS: i64 = 30 * 24 * 3600;
    /// `last_used_at` is kept to this many seconds.
    const LAST_USED_SECONDS: i64 = 3600;

    /// A session that begins now.
    pub const fn begin(id: SessionId, user: UserId, now: Seconds) -> Self {
        Self { id, user, created_at: now, last_used_at: now }
    }

    /// The first second at which it is over, if it is not used again.
    pub fn ends_at(&self) -> Seconds {
        self.created_at.plus(Self::ABSOLUTE_SECONDS).min(self.last_used_at.plus(Self::IDLE_SECONDS))
    }

    /// Whether it is over.
    pub fn over(&self, now: Seconds) -> bool {
        self.ends_at() <= now
    }

    /// The session with this use noted; `None` when the last note is recent enough.
    pub fn used(&self, now: Seconds) -> Option<Self> {
        let due = now >= self.last_used_at.plus(Self::LAST_USED_SECONDS);
        due.then_some(Self { last_used_at: now, ..*self })
    }

    /// What every session may do; where, its user's memberships say.
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
