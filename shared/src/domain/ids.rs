//! Identifiers. Each is a type, parsed once at the edge, impossible to swap with its neighbour.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A version control system, as it stands in paths and in `vcs` capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Vcs {
    /// `github`
    Github,
    /// `gitlab`
    Gitlab,
}

impl Vcs {
    /// Every system, in the order the API lists them.
    pub const ALL: [Self; 2] = [Self::Github, Self::Gitlab];

    /// The word in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// Reads the word in a path; exactly as written, in lower case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vcs| vcs.as_str() == text)
    }
}

impl fmt::Display for Vcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An installation (GitHub) or group (GitLab): a non-negative integer, in decimal on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstallationId(u64);

impl InstallationId {
    /// Wraps a number known to be an installation's.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// Digits of the largest id, which has 63 bits.
    const MOST_DIGITS: usize = 19;

    /// Reads a canonical decimal, so that no two texts name one installation. `None` for a sign, a leading zero, a letter,
    /// nothing, or more than 63 bits.
    pub fn parse(text: &str) -> Option<Self> {
        let canonical = text == "0" || !text.starts_with('0');
        let bounded = (1..=Self::MOST_DIGITS).contains(&text.len());
        if !(bounded && canonical && text.bytes().all(|byte| byte.is_ascii_digit())) {
            return None;
        }
        text.parse::<u64>().ok().filter(|id| i64::try_from(*id).is_ok()).map(Self)
    }
}

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The installation whose data a request is about: nothing is stored or read without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Namespace {
    /// Whose numbering the id belongs to.
    pub vcs: Vcs,
    /// The installation in that numbering.
    pub installation: InstallationId,
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.vcs, self.installation)
    }
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps 16 bytes.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// Reads the hyphenated form in either case.
            pub fn parse(text: &str) -> Option<Self> {
                let hyphenated = text.len() == 36;
                Uuid::try_parse(text).ok().filter(|_| hyphenated).map(Self)
            }

            /// The 16 bytes.
            pub const fn bytes(self) -> [u8; 16] {
                self.0.into_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_id! {
    /// A person (or the system) that owns credentials.
    UserId
}
uuid_id! {
    /// The public half of an API key: names its row, opens nothing.
    KeyId
}
uuid_id! {
    /// Work that a request began.
    TaskId
}
uuid_id! {
    /// A run in CI; its runner knows it by this too.
    RunId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installation_id_is_a_canonical_decimal_of_63_bits() {
        let zeros = "0".repeat(450_000);
        for bad in ["", "-1", "+1", "0x10", "1_000", "9223372036854775808", "١", " 1", "012345", "00", &zeros] {
            assert_eq!(InstallationId::parse(bad), None, "{:?}", bad.get(..20));
        }
        assert_eq!(InstallationId::parse("0"), Some(InstallationId::new(0)));
        assert_eq!(InstallationId::parse("12345"), Some(InstallationId::new(12345)));
        assert_eq!(
            InstallationId::parse("9223372036854775807").map(|id| id.to_string()).as_deref(),
            Some("9223372036854775807")
        );
    }

    #[test]
    fn vcs_is_github_or_gitlab_in_lower_case() {
        assert_eq!(Vcs::parse("github"), Some(Vcs::Github));
        assert_eq!(Vcs::parse("GitHub"), None);
        assert_eq!(Vcs::parse("bitbucket"), None);
    }

    #[test]
    fn uuid_is_accepted_only_in_hyphenated_form() {
        assert!(KeyId::parse("01890a5d-ac96-774b-bcce-b302099a8057").is_some());
        assert!(KeyId::parse("01890a5dac96774bbcceb302099a8057").is_none());
        assert!(KeyId::parse("{01890a5d-ac96-774b-bcce-b302099a8057}").is_none());
    }
}
