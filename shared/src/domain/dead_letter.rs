//! Dead letters: changes that the worker has given up on. They are kept until an administrator replays them.

use std::fmt;

use super::Millis;

/// The id of a dead letter: when its first attempt failed, what it asks for, and its sequence number in its table's
/// stream.
///
/// Shape: `<milliseconds, 15 digits>-<1 to 16 lower-case letters>-<1 to 64 digits>`. Ids are ordered by the time of the
/// failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterId(String);

impl DeadLetterId {
    /// The id for a change that first failed at `since`. `what` is a word in lower case, `place` the sequence number.
    /// `None` if one of them is not of the shape.
    pub fn new(since: Millis, what: &str, place: &str) -> Option<Self> {
        Self::parse(&format!("{:015}-{what}-{place}", since.0))
    }

    /// Reads an id; `None` if it is not of the shape.
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

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DeadLetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A change that the worker could not process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The id by which an administrator replays it.
    pub id: DeadLetterId,
    /// What is to be done: JSON, as the worker wrote it.
    pub change: String,
    /// How many times it was tried.
    pub attempts: u32,
    /// Why the last attempt failed, in words for people.
    pub error: String,
    /// When the first attempt failed.
    pub first_failed_at: Millis,
    /// When the last attempt failed.
    pub last_failed_at: Millis,
    /// When an administrator asked for another attempt that has not ended yet.
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
