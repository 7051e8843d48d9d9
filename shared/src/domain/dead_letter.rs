//! Changes that the worker has given up on, kept until an administrator has them tried again.

use std::fmt;

use super::Millis;

/// Names a dead letter: when its first attempt failed, what it asks for, and its place in its table's stream.
///
/// Shape: `<milliseconds, 15 digits>-<word>-<digits>`, so that the order of the texts is the order of the failures.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterId(String);

impl DeadLetterId {
    /// The letter of a change. `what` is a word in small letters, `place` a sequence number.
    pub fn new(since: Millis, what: &str, place: &str) -> Option<Self> {
        Self::parse(&format!("{:015}-{what}-{place}", since.0))
    }

    /// Reads the text; `None` when it is not of the shape.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (Some(since), Some(what), Some(place), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let word = what.bytes().all(|byte| byte.is_ascii_lowercase());
        let good = since.len() == 15 && digits(since) && digits(place) && word;
        (good && (1..=16).contains(&what.len()) && (1..=64).contains(&place.len())).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change that could not be worked off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it.
    pub id: DeadLetterId,
    /// What is to be done, as the worker reads it.
    pub change: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed, for people.
    pub error: String,
    /// When the first attempt failed.
    pub first_failed_at: Millis,
    /// When the last attempt failed.
    pub last_failed_at: Millis,
    /// When somebody asked for another attempt, which is not over.
    pub replay_requested_at: Option<Millis>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_another_shape_are_refused() {
        let id = DeadLetterId::new(Millis(1_790_000_000_000), "fold", "4900").unwrap();
        assert_eq!(id.as_str(), "001790000000000-fold-4900");
        assert_eq!(DeadLetterId::parse(id.as_str()), Some(id));
        let long = "1".repeat(65);
        for bad in [
            "",
            "-",
            "--",
            "1-fold-1",
            "001790000000000-Fold-1",
            "001790000000000-fold-",
            "001790000000000--1",
            "001790000000000-fold-1-1",
            "001790000000000-fold-x",
            "00179000000000x-fold-1",
            &format!("001790000000000-fold-{long}"),
        ] {
            assert_eq!(DeadLetterId::parse(bad), None, "{bad}");
        }
    }
}
