//! Instants, as numbers whose type says the unit. There is no clock here: `runtime::Clock` gives the time.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Serialize};

/// An instant in milliseconds since the Unix epoch.
///
/// ```
/// use terrapi::domain::{Millis, Seconds};
///
/// let instant = Millis::parse("2026-01-31T09:00:00.25+01:00").unwrap();
/// assert_eq!(instant.rfc3339(), "2026-01-31T08:00:00.250Z");
/// assert_eq!(instant.seconds(), Seconds(1_769_846_400));
/// assert_eq!(Millis::parse("2026-01-31"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub i64);

/// An instant in whole seconds since the Unix epoch, the unit of JWT claims and of DynamoDB's TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub i64);

/// An instant in microseconds since the Unix epoch. Rate limits use it, because their intervals can be shorter than a
/// millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub i64);

impl Micros {
    /// The instant `micros` microseconds later (earlier if negative). At the ends of the range it saturates.
    #[must_use]
    pub const fn plus(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// The second that contains this instant; before 1970 too, it is rounded down.
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0.div_euclid(1_000_000))
    }
}

impl Millis {
    /// The same instant in microseconds.
    pub const fn micros(self) -> Micros {
        Micros(self.0.saturating_mul(1000))
    }

    /// The second that contains this instant; before 1970 too, it is rounded down.
    pub const fn seconds(self) -> Seconds {
        Seconds(self.0.div_euclid(1000))
    }

    /// The first millisecond of the year 1.
    const FIRST: Self = Self(-62_135_596_800_000);
    /// The last millisecond of the year 9999.
    const LAST: Self = Self(253_402_300_799_999);

    /// Reads an RFC 3339 instant (§5.6): `2026-01-31T08:00:00Z`, `2026-01-31t08:00:00.25+01:00`. Digits below a
    /// millisecond are cut off.
    ///
    /// `None` for any other text, for second 60, for an offset beyond ±23:59, and for an instant that is outside of the
    /// years 1 to 9999 in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction, zone) = parts(text)?;
        let (date, time) = (whole.get(..10)?, whole.get(11..)?);
        let separated = matches!(whole.as_bytes().get(10)?, b'T' | b't' | b' ');
        let zone = if zone == "z" { "Z" } else { zone };
        separated.then(|| instant(date, time, fraction, zone)).flatten()
    }

    /// Reads an ISO 8601 date and time, with or without a fraction, and with or without a zone (then in UTC). Clients
    /// of the HCP Terraform API send more than RFC 3339 allows.
    ///
    /// Shape: `2026-01-31T08:00:00`, `….25`, `…Z`, `…+01:00`. Digits below a millisecond are cut off. `None` for a date
    /// without a time, and for second 60, offsets and years that [`Self::parse`] refuses.
    pub fn parse_iso8601(text: &str) -> Option<Self> {
        let (whole, fraction, zone) = parts(text)?;
        let (date, time) = whole.split_once('T')?;
        instant(date, time, fraction, if zone.is_empty() { "Z" } else { zone })
    }

    /// RFC 3339 in UTC with milliseconds: `2026-01-31T08:00:00.000Z`. Outside of the years 1 to 9999, the nearest
    /// instant within them.
    pub fn rfc3339(self) -> String {
        let Self(millis) = self.clamp(Self::FIRST, Self::LAST);
        let civil = EPOCH.checked_add(SignedDuration::from_millis(millis)).unwrap_or(EPOCH);
        format!("{civil:.3}Z")
    }
}

/// 1970-01-01T00:00:00. Civil times reach to the last second of 9999, which [`jiff::Timestamp`] does not.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// Date and time in 19 bytes, the digits of a fraction, and what names a zone.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (whole, rest) = text.split_at_checked(19)?;
    let Some(rest) = rest.strip_prefix('.') else { return Some((whole, "", rest)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (fraction, zone) = rest.split_at_checked(digits)?;
    (!fraction.is_empty()).then_some((whole, fraction, zone))
}

/// The instant of `2026-01-31`, `08:00:00`, any digits of a fraction, and `Z` or an offset.
fn instant(date: &str, time: &str, fraction: &str, zone: &str) -> Option<Millis> {
    let [year, month, day] = numbers(date, "0000-00-00")?;
    let [hour, minute, second] = numbers(time, "00:00:00")?;
    let small = |number: i16| i8::try_from(number).ok();
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let seconds = date.to_datetime(time).duration_since(EPOCH).as_secs().checked_sub(offset_seconds(zone)?)?;
    let millis = fraction.bytes().chain(*b"000").take(3).fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    let instant = Millis(seconds.checked_mul(1000)?.checked_add(millis)?);
    (Millis::FIRST..=Millis::LAST).contains(&instant).then_some(instant)
}

/// The three numbers of a text of this shape, in which `0` stands for any digit.
fn numbers(text: &str, shape: &str) -> Option<[i16; 3]> {
    let same = text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, mark)| match mark {
            b'0' => byte.is_ascii_digit(),
            mark => byte == mark,
        });
    let mut numbers = text.split(['-', ':']).filter_map(|digits| digits.parse().ok());
    let numbers = [numbers.next()?, numbers.next()?, numbers.next()?];
    same.then_some(numbers)
}

/// `Z`, `+hh:mm` or `-hh:mm`, in seconds.
fn offset_seconds(zone: &str) -> Option<i64> {
    let (sign, hours, minutes) = match zone.as_bytes() {
        b"Z" => return Some(0),
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
    /// The instant `seconds` seconds later (earlier if negative). At the ends of the range it saturates.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The first millisecond of this second.
    pub const fn millis(self) -> Millis {
        Millis(self.0.saturating_mul(1000))
    }

    /// The second that contains the instant which [`Millis::parse`] reads; `None` if it reads none.
    pub fn parse(text: &str) -> Option<Self> {
        Millis::parse(text).map(Millis::seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_utc_with_milliseconds() {
        assert_eq!(Millis(0).rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Millis(1_700_000_000_120).rfc3339(), "2023-11-14T22:13:20.120Z");
    }

    /// Both readers take these, and write them back in UTC.
    const INSTANTS: [(&str, &str); 9] = [
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"),
        ("9999-12-31T23:59:59.9999Z", "9999-12-31T23:59:59.999Z"),
        ("9999-12-31T23:59:59+23:59", "9999-12-31T00:00:59.000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("0000-12-31T23:59:00-00:01", "0001-01-01T00:00:00.000Z"),
        ("2024-02-29T00:00:00-23:59", "2024-02-29T23:59:00.000Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
        ("2026-01-31T08:00:00.1239999999999999999999Z", "2026-01-31T08:00:00.123Z"),
        ("2026-01-31T08:00:00-00:00", "2026-01-31T08:00:00.000Z"),
    ];

    /// Neither reader takes these.
    const NO_INSTANTS: [&str; 24] = [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "10000-01-01T00:00:00Z",
        "-0001-01-01T00:00:00Z",
        "+2026-01-01T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "2016-12-31T23:59:60Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00-24:00",
        "2026-01-01T00:00:00+23:60",
        "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00+01",
        "2026-01-01T00:00:00+01:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00Z[UTC]",
        "2026-01-01T00:00Z",
        "20260101T000000Z",
        "2026-01-01T00:00:00Z ",
    ];

    #[test]
    fn instants_of_the_years_1_to_9999_are_accepted() {
        for (text, written) in INSTANTS {
            for read in [Millis::parse, Millis::parse_iso8601] {
                assert_eq!(read(text).map(Millis::rfc3339).as_deref(), Some(written), "{text}");
            }
            assert_eq!(Seconds::parse(text), Millis::parse(text).map(Millis::seconds), "{text}");
        }
        for text in NO_INSTANTS {
            assert_eq!((Millis::parse(text), Millis::parse_iso8601(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn rfc_3339_needs_a_zone_and_allows_lower_case() {
        let plain = Millis::parse("2026-01-31T08:00:00Z");
        for same in ["2026-01-31t08:00:00z", "2026-01-31 08:00:00Z", "2026-01-31T08:00:00.000+00:00"] {
            assert_eq!(Millis::parse(same), plain, "{same}");
        }
        for bad in ["", "2026-01-31", "2026-01-31T08:00:00", "2026-01-31_08:00:00Z", "2026-01-31T08:00:0é", "tomorrow"]
        {
            assert_eq!(Millis::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn out_of_range_instant_is_clamped() {
        assert_eq!(Millis(i64::MAX).rfc3339(), "9999-12-31T23:59:59.999Z");
        assert_eq!(Millis(i64::MIN).rfc3339(), "0001-01-01T00:00:00.000Z");
    }

    #[test]
    fn iso_8601_instants_may_omit_fraction_and_zone() {
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
    fn times_before_the_epoch_round_down_to_the_second() {
        assert_eq!(Millis(-1).seconds(), Seconds(-1));
    }
}
