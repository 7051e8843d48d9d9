//! Identifiers. Each has a type of its own, so that the compiler notices when two are confused. A text is parsed once,
//! where it enters the service.

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
    /// Both providers, in the order in which the API lists them.
    pub const ALL: [Self; 2] = [Self::Github, Self::Gitlab];

    /// `github` or `gitlab`, as in paths and storage keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// Reads `github` or `gitlab`; `None` for anything else, including upper case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vcs| vcs.as_str() == text)
    }
}

impl fmt::Display for Vcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The id of an installation of the GitHub App, or of a GitLab group.
///
/// Shape: an integer from 0 to 2⁶³ − 1; in paths and in the API its canonical decimal. Ids of GitHub and GitLab
/// overlap: together with the provider it is a [`Namespace`].
///
/// ```
/// use terrapi::domain::InstallationId;
///
/// assert_eq!(InstallationId::parse("12345"), Some(InstallationId::new(12345)));
/// assert_eq!(InstallationId::parse("012345"), None, "one number, one text");
/// assert_eq!(InstallationId::new(12345).to_string(), "12345");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstallationId(u64);

impl InstallationId {
    /// An id from a number that came from a provider or from storage, at most 63 bits.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// How many digits the largest id has.
    const MOST_DIGITS: usize = 19;

    /// Reads a canonical decimal, so that exactly one text names each installation. `None` for an empty text, a sign, a
    /// leading zero, anything but ASCII digits, or more than 63 bits.
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

/// An installation of one provider. No KV record is stored or read without one.
///
/// Its text is part of keys in storage:
///
/// ```
/// use terrapi::domain::{InstallationId, Namespace, Vcs};
///
/// let namespace = Namespace { vcs: Vcs::Gitlab, installation: InstallationId::new(7) };
/// assert_eq!(namespace.to_string(), "gitlab#7");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Namespace {
    /// The provider that gave the id.
    pub vcs: Vcs,
    /// The id at that provider.
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
            /// An id from a UUID that was just generated or came from storage.
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// Reads the hyphenated form, in upper or lower case. `None` for every other form of a UUID.
            pub fn parse(text: &str) -> Option<Self> {
                let hyphenated = text.len() == 36;
                Uuid::try_parse(text).ok().filter(|_| hyphenated).map(Self)
            }

            /// The UUID's 16 bytes (RFC 9562 §4).
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
