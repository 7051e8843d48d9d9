//! Texts that people choose for organizations, teams and tokens.

use std::fmt;

/// How long a name may be, in characters.
const MAX_NAME: usize = 100;

macro_rules! text {
    ($($(#[$doc:meta])* $name:ident: $rule:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// A text from a request; `None` if it breaks the rule that the type's description states.
            pub fn new(text: &str) -> Option<Self> {
                let rule: fn(&str) -> bool = $rule;
                rule(text).then(|| Self(text.to_owned()))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

text! {
    /// An organization's name: 1 to 100 letters, digits, `-` and `_`. Also its id in documents and paths.
    OrganizationName: |text| (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(in_names);
    /// A team's name: 1 to 100 letters, digits, `-`, `_`, `/` and spaces, of which at least one is not a space.
    TeamName: |text| {
        (1..=MAX_NAME).contains(&text.len())
            && text.bytes().all(|byte| in_names(byte) || b" /".contains(&byte))
            && text.bytes().any(|byte| byte != b' ')
    };
    /// What a token is for: any text of up to 255 characters. It is unique among the tokens of a team, which the store
    /// checks.
    Description: |text| text.chars().count() <= 255;
    /// An organization's email address: up to 254 bytes without white space, with something before and after an `@`.
    Email: |text| {
        let parts = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty());
        parts.is_some() && text.len() <= 254 && !text.contains(char::is_whitespace)
    };
}

fn in_names(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

impl TeamName {
    /// The name of the team that owns an organization.
    pub const OWNERS: &str = "owners";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_team_names_may_contain_spaces() {
        for (text, organization, team) in [
            ("acme", true, true),
            ("a-b_C9", true, true),
            ("two words", false, true),
            (" ", false, false),
            ("", false, false),
            ("ä", false, false),
            ("a#b", false, false),
            ("a/b", false, true),
        ] {
            assert_eq!(OrganizationName::new(text).is_some(), organization, "{text}");
            assert_eq!(TeamName::new(text).is_some(), team, "{text}");
        }
        assert!(TeamName::new(&"a".repeat(100)).is_some() && TeamName::new(&"a".repeat(101)).is_none());
    }

    #[test]
    fn description_may_be_empty_and_is_counted_in_characters() {
        assert!(Description::new("").is_some() && Description::new(&"ä".repeat(255)).is_some());
        assert!(Description::new(&"a".repeat(256)).is_none());
    }

    #[test]
    fn email_address_needs_a_name_and_a_host() {
        assert!(Email::new("a@b").is_some());
        assert!(["", "a", "@", "a@", "@b", "a b@c"].iter().all(|bad| Email::new(bad).is_none()));
    }
}
