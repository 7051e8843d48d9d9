//! Instants, as numbers with a unit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An instant in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// An instant in whole seconds since the Unix epoch, the unit of JWT claims and of DynamoDB's TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub i64);

/// An instant in microseconds since the Unix epoch: fine enough for the interval of any rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

impl Micros {
    /// This instant moved by microseconds, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The second this instant lies in.
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0.div_euclid(1_000_000))
    }
}

impl Millis {
    /// This instant in microseconds.
    pub const fn micros(self) -> Micros {
        Micros(self.0.saturating_mul(1000))
    }

    /// The second this instant lies in.
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0.div_euclid(1000))
    }

    /// Reads RFC 3339; `None` when it is not an instant.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|instant| Self(instant.as_millisecond()))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{instant:.3}")
    }
}

impl Seconds {
    /// This instant moved by `seconds`, held at the ends of the range.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The first millisecond of this second.
    pub const fn millis(self) -> Millis {
        Millis(self.0.saturating_mul(1000))
    }

    /// Reads RFC 3339; `None` when it is not an instant.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<Timestamp>().ok().map(|instant| Self(instant.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_in_utc_with_three_digits_of_milliseconds() {
        assert_eq!(Millis(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(1_700_000_000_120).rfc3339(), "2023-11-14T22:13:20.120Z");
    }

    #[test]
    fn a_time_before_the_epoch_lies_in_the_second_that_began_before_it() {
        assert_eq!(Millis(-1).seconds(), Seconds(-1));
    }
}
