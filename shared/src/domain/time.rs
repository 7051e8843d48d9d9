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

    /// Reads an ISO 8601 date and time in whole seconds, with any fraction, in a zone or else in UTC; what is below a
    /// millisecond is cut off. `None` for a date alone, an impossible one, or any other text.
    ///
    /// Shape: `2026-01-31T08:00:00`, `….25`, `…Z`, `…+01:00`. RFC 3339 alone would refuse what clients send.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let (whole, rest) = text.split_at_checked(19)?;
        let shape = whole.bytes().zip(b"0000-00-00T00:00:00").all(|(byte, place)| match place {
            b'0' => byte.is_ascii_digit(),
            mark => byte == *mark,
        });
        let digits = rest.strip_prefix('.').map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
        let (fraction, zone) = if rest.starts_with('.') { rest.split_at_checked(1 + digits)? } else { ("", rest) };
        if !shape || fraction == "." {
            return None;
        }
        let offset = match zone {
            "" | "Z" => 0,
            _ => offset_seconds(zone)?,
        };
        let civil: jiff::civil::DateTime = whole.parse().ok()?;
        let seconds = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second().checked_sub(offset)?;
        let millis =
            fraction.bytes().skip(1).chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
        let instant = Timestamp::from_millisecond(seconds.checked_mul(1000)?.checked_add(millis)?).ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// RFC 3339 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`.
    pub fn rfc3339(self) -> String {
        let instant = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        format!("{instant:.3}")
    }
}

/// `+hh:mm` or `-hh:mm`, in seconds.
fn offset_seconds(zone: &str) -> Option<i64> {
    let (sign, hours, minutes) = match zone.as_bytes() {
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => (*sign, [*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let number = |digits: [u8; 2], most: i64| {
        let [tens, ones] = digits.map(|digit| digit.is_ascii_digit().then(|| i64::from(digit - b'0')));
        Some(tens? * 10 + ones?).filter(|number| *number <= most)
    };
    let seconds = number(hours, 23)? * 3600 + number(minutes, 59)? * 60;
    Some(if sign == b'-' { -seconds } else { seconds })
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
    fn an_iso_8601_instant_may_have_any_fraction_and_zone_or_none() {
        let same = [
            "2023-04-06T12:00:00.000Z",
            "2023-04-06T12:00:00",
            "2023-04-06T14:30:00+02:30",
            "2023-04-06T11:59:00-00:01",
        ];
        for text in same {
            assert_eq!(
                Millis::parse_iso8601(text).map(Millis::rfc3339).as_deref(),
                Some("2023-04-06T12:00:00.000Z"),
                "{text}"
            );
        }
        let cut = Millis::parse_iso8601("2023-04-06T12:00:00.1239999999999999Z").unwrap();
        assert_eq!(cut.rfc3339(), "2023-04-06T12:00:00.123Z");
        assert_eq!(Millis::parse_iso8601("1969-12-31T23:59:59.5Z"), Some(Millis(-500)));
        for bad in [
            "",
            "2023-04-06",
            "2023-02-30T12:00:00Z",
            "2023-04-06T24:00:00Z",
            "2023-04-06 12:00:00Z",
            "2023-04-06t12:00:00z",
            "2023-04-06T12:00Z",
            "2023-04-06T12:00:00.Z",
            "2023-04-06T12:00:00,5Z",
            "2023-04-06T12:00:00+0100",
            "2023-04-06T12:00:00+01",
            "2023-04-06T12:00:00+24:00",
            "2023-04-06T12:00:00Z[UTC]",
            "tomorrow",
            "9999-12-31T23:59:59-23:59",
        ] {
            assert_eq!(Millis::parse_iso8601(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_time_before_the_epoch_lies_in_the_second_that_began_before_it() {
        assert_eq!(Millis(-1).seconds(), Seconds(-1));
    }
}
