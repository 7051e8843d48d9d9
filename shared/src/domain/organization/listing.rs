//! The order of an organization's tokens in a list.

use std::cmp::Ordering;

use super::TeamToken;
use crate::domain::Millis;

/// A filter for lists of tokens, by when they expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpiryStatus {
    /// Not expired.
    Active,
    /// Not expired, but expires within 7 days.
    ExpiringIn7Days,
    /// Not expired, but expires within 30 days.
    ExpiringIn30Days,
    Expired,
    NoExpiration,
}

impl ExpiryStatus {
    const DAY_MS: i64 = 24 * 3600 * 1000;

    /// Reads the value that clients send; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "active" => Self::Active,
            "expiring_in_7_days" => Self::ExpiringIn7Days,
            "expiring_in_30_days" => Self::ExpiringIn30Days,
            "expired" => Self::Expired,
            "no_expiration" => Self::NoExpiration,
            _ => return None,
        })
    }

    /// Whether `token` passes the filter at `now`.
    pub fn holds(self, token: &TeamToken, now: Millis) -> bool {
        let ends_within = |days: i64| {
            let last = now.0.saturating_add(days * Self::DAY_MS);
            token.expired_at.is_some_and(|end| end > now && end.0 <= last)
        };
        match self {
            Self::Active => !token.expired(now),
            Self::ExpiringIn7Days => ends_within(7),
            Self::ExpiringIn30Days => ends_within(30),
            Self::Expired => token.expired(now),
            Self::NoExpiration => token.expired_at.is_none(),
        }
    }
}

/// What a list of tokens is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SortKey {
    /// The team's name, ignoring upper and lower case.
    TeamName,
    /// The creator's name, ignoring upper and lower case; tokens whose creator no longer exists come last.
    CreatedBy,
    /// When the token expires; tokens that never expire come last.
    #[default]
    ExpiredAt,
    /// When the token was last used; tokens that were never used come last.
    LastUsedAt,
}

/// An order of tokens. It is total (the creation time and the id decide between equals), and descending order is
/// exactly the reverse of ascending order, so that pages never overlap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenOrder {
    /// The attribute that is compared first.
    pub key: SortKey,
    /// Whether the order is reversed.
    pub backwards: bool,
}

impl TokenOrder {
    /// Reads `team-name`, `created-by`, `expired-at` or `last-used-at`; a `-` in front reverses the order. `None` for
    /// anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (backwards, word) = text.strip_prefix('-').map_or((false, text), |word| (true, word));
        let key = match word {
            "team-name" => SortKey::TeamName,
            "created-by" => SortKey::CreatedBy,
            "expired-at" => SortKey::ExpiredAt,
            "last-used-at" => SortKey::LastUsedAt,
            _ => return None,
        };
        Some(Self { key, backwards })
    }

    /// Sorts `rows` into this order.
    pub fn sort(self, rows: &mut [ListedToken]) {
        rows.sort_by(|one, other| self.compare(one, other));
    }

    fn compare(self, one: &ListedToken, other: &ListedToken) -> Ordering {
        let first = match self.key {
            SortKey::TeamName => one.team_name.cmp(&other.team_name),
            SortKey::CreatedBy => absent_last(one.creator_name.as_ref(), other.creator_name.as_ref()),
            SortKey::ExpiredAt => absent_last(one.token.expired_at.as_ref(), other.token.expired_at.as_ref()),
            SortKey::LastUsedAt => absent_last(one.token.last_used_at.as_ref(), other.token.last_used_at.as_ref()),
        };
        let age = |row: &ListedToken| -> (Millis, _) { (row.token.created_at, row.token.id) };
        let order = first.then_with(|| age(one).cmp(&age(other)));
        if self.backwards { order.reverse() } else { order }
    }
}

/// A token with the names that lists sort by.
#[derive(Clone, Debug)]
pub struct ListedToken {
    /// The token as it is stored.
    pub token: TeamToken,
    /// Its team's name in lower case.
    pub team_name: String,
    /// Its creator's name in lower case; `None` if the creator no longer exists.
    pub creator_name: Option<String>,
}

fn absent_last<T: Ord>(one: Option<&T>, other: Option<&T>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => one.cmp(other),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Creator, OrganizationCode, TeamId, TeamTokenId, TokenHolder};
    use super::*;

    fn row(number: u8, team: &str, creator: Option<&str>, expired: Option<i64>, used: Option<i64>) -> ListedToken {
        let code = OrganizationCode::new([0; 8]);
        let team_id = TeamId::new(code, [0; 8]);
        let token = TeamToken {
            id: TeamTokenId::new(code, [0, 0, 0, 0, 0, 0, 0, number]),
            holder: TokenHolder::Team(team_id),
            description: None,
            secret_hash: [0; 32],
            created_at: Millis(i64::from(number / 2)),
            expired_at: expired.map(Millis),
            last_used_at: used.map(Millis),
            created_by: Creator::Team(team_id),
        };
        ListedToken { token, team_name: team.into(), creator_name: creator.map(Into::into) }
    }

    #[test]
    fn absent_values_sort_last_and_descending_is_the_reverse() {
        let rows = [
            row(1, "b", None, Some(5), None),
            row(2, "a", Some("z"), None, Some(7)),
            row(3, "a", Some("y"), None, Some(6)),
            row(4, "c", Some("y"), Some(4), None),
        ];
        let table = [
            ("team-name", [2, 3, 1, 4]),
            ("created-by", [3, 4, 2, 1]),
            ("expired-at", [4, 1, 2, 3]),
            ("last-used-at", [3, 2, 1, 4]),
        ];
        let ids = rows.each_ref().map(|row| row.token.id);
        let sorted = |text: &str| {
            let mut rows = rows.to_vec();
            TokenOrder::parse(text).unwrap().sort(&mut rows);
            let number = |row: &ListedToken| ids.iter().position(|id| *id == row.token.id).unwrap() + 1;
            rows.iter().map(number).collect::<Vec<_>>()
        };
        for (word, expected) in table {
            assert_eq!(sorted(word), expected, "{word}");
            let reverse: Vec<_> = expected.into_iter().rev().collect();
            assert_eq!(sorted(&format!("-{word}")), reverse, "-{word}");
        }
        assert_eq!(TokenOrder::parse("expired-at"), Some(TokenOrder::default()));
        assert!(
            ["", "-", "description", "--expired-at", "Team-Name"].iter().all(|bad| TokenOrder::parse(bad).is_none())
        );
    }
}
