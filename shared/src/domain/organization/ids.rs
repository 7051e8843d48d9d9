//! Identifiers of organizations, teams and their tokens: a prefix and 16 letters or digits, for example
//! `team-4nQvD8sYk2LmPx6R`.
//!
//! New ids are in base58, which leaves out `0`, `O`, `I` and `l`, because some clients accept no others. Older ids
//! contain any letters and digits, and are still read.
//!
//! The first eight digits identify the organization, and are the same in the ids of everything that belongs to it. They
//! name the partition of the rows, so a token's row is found with one read, and an organization's list with one query.

use std::fmt;

use uuid::Uuid;

use crate::domain::{KeyId, UserId};

/// The prefix of a membership's id.
const MEMBERSHIP: &str = "ou-";

/// The digits that ids are read in, and from which their UUIDs are computed.
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// The digits of new ids.
const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const HALF: usize = 8;
const DIGITS: usize = 2 * HALF;

/// The eight letters or digits with which all ids of one organization begin, and which name its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrganizationCode([u8; HALF]);

impl OrganizationCode {
    /// A new code from 64 random bits.
    pub fn new(random: [u8; 8]) -> Self {
        Self(digits(BASE58, u64::from_be_bytes(random).into()))
    }
}

impl fmt::Display for OrganizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text(&self.0))
    }
}

macro_rules! short_id {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $mark:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; DIGITS]);

        impl $name {
            /// A new id in an organization, from 64 random bits.
            pub fn new(organization: OrganizationCode, random: [u8; 8]) -> Self {
                let mut id = [0; DIGITS];
                let own: [u8; HALF] = digits(BASE58, u64::from_be_bytes(random).into());
                for (place, digit) in id.iter_mut().zip(organization.0.into_iter().chain(own)) {
                    *place = digit;
                }
                Self(id)
            }

            /// Reads an id with its prefix. `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                Self::of_digits(text.strip_prefix($prefix)?)
            }

            /// Reads an id without its prefix.
            pub fn of_digits(text: &str) -> Option<Self> {
                parse_digits(text).map(Self)
            }

            /// The id without its prefix.
            pub fn digits(&self) -> &str {
                text(&self.0)
            }

            /// The code of the organization that it belongs to.
            pub fn organization(&self) -> OrganizationCode {
                OrganizationCode(self.0.first_chunk().copied().unwrap_or_default())
            }

            /// The same id as a UUID of version 8 (RFC 9562 §5.8), of which it uses 96 bits.
            fn uuid(self) -> Uuid {
                to_uuid(self.0, $mark)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.digits())
            }
        }
    )*};
}

short_id! {
    /// The id of an organization: `org-…`. The API mostly uses its name instead.
    OrganizationId = "org-", 1;
    /// The id of a team: `team-…`.
    TeamId = "team-", 2;
    /// The id of a token of a team or organization: `at-…`.
    TeamTokenId = "at-", 3;
}

impl TeamTokenId {
    /// The id by which access tokens and audit entries refer to the token.
    pub fn key_id(self) -> KeyId {
        KeyId::new(self.uuid())
    }

    /// The token whose [`Self::key_id`] this is; `None` for an API key's.
    pub fn of_key(key: KeyId) -> Option<Self> {
        let uuid = Uuid::from_bytes(key.bytes());
        let number = uuid.as_u128();
        let high = number >> 80;
        let id = Self(digits(BASE62, (high << 62) | (number & LOW)));
        (id.uuid() == uuid).then_some(id)
    }
}

impl TeamId {
    /// The user in whose name the team's tokens act.
    pub fn service_user(self) -> UserId {
        UserId::new(self.uuid())
    }
}

impl OrganizationId {
    /// The user in whose name the organization's own token acts.
    pub fn service_user(self) -> UserId {
        UserId::new(self.uuid())
    }
}

/// A person's membership in an organization: `ou-…`, the organization's code and eight digits that stand for the
/// person.
pub fn membership_id(organization: OrganizationCode, user: UserId) -> String {
    let person: [u8; HALF] = digits(BASE58, u128::from_be_bytes(user.bytes()));
    format!("{MEMBERSHIP}{organization}{}", text(&person))
}

/// The organization whose [`membership_id`] this may be.
pub fn organization_of_membership(id: &str) -> Option<OrganizationCode> {
    let digits: [u8; DIGITS] = parse_digits(id.strip_prefix(MEMBERSHIP)?)?;
    digits.first_chunk().copied().map(OrganizationCode)
}

/// The id by which `/api/v2` refers to a user: 16 digits in base58.
pub fn user_number(user: UserId) -> String {
    let digits: [u8; DIGITS] = digits(BASE58, u128::from_be_bytes(user.bytes()));
    text(&digits).to_owned()
}

/// The bits of a UUID below its variant.
const LOW: u128 = (1 << 62) - 1;

/// RFC 9562 §5.8. `mark` keeps the kinds apart.
fn to_uuid(digits: [u8; DIGITS], mark: u128) -> Uuid {
    let place = |digit: &u8| BASE62.iter().position(|known| known == digit).unwrap_or_default();
    let number = digits.iter().fold(0_u128, |number, digit| number * 62 + place(digit) as u128);
    Uuid::from_u128(((number >> 62) << 80) | (8 << 76) | (mark << 64) | (0b10 << 62) | (number & LOW))
}

/// The last `N` digits of a number in an alphabet.
fn digits<const N: usize>(alphabet: &[u8], mut number: u128) -> [u8; N] {
    let base = alphabet.len() as u128;
    let mut digits = [b'1'; N];
    for place in digits.iter_mut().rev() {
        let digit = usize::try_from(number % base).unwrap_or_default();
        *place = alphabet.get(digit).copied().unwrap_or(b'1');
        number /= base;
    }
    digits
}

fn parse_digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: [u8; N] = text.as_bytes().try_into().ok()?;
    digits.iter().all(u8::is_ascii_alphanumeric).then_some(digits)
}

fn text(digits: &[u8]) -> &str {
    std::str::from_utf8(digits).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn id_is_a_prefix_and_sixteen_alphanumerics() {
        let id = TeamId::parse("team-4nQvD8sYk2LmPx6R").unwrap();
        assert_eq!(id.to_string(), "team-4nQvD8sYk2LmPx6R");
        assert_eq!(id.organization().to_string(), "4nQvD8sY");
        for bad in
            ["team-4nQvD8sYk2LmPx6", "team-4nQvD8sYk2LmPx6RR", "team-4nQvD8sYk2LmPx6_", "at-4nQvD8sYk2LmPx6R", ""]
        {
            assert_eq!(TeamId::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn token_ids_round_trip_and_differ_between_kinds(random: [u8; 8], other: [u8; 8]) {
            let code = OrganizationCode::new(other);
            let (token, team) = (TeamTokenId::new(code, random), TeamId::new(code, random));
            prop_assert_eq!(token.organization(), code);
            prop_assert_eq!(TeamTokenId::of_key(token.key_id()), Some(token));
            prop_assert_eq!(TeamTokenId::parse(&token.to_string()), Some(token));
            prop_assert_eq!(token.key_id().bytes()[6] >> 4, 8);
            prop_assert_ne!(token.uuid(), team.uuid());
        }

        #[test]
        fn new_ids_use_base58(random: [u8; 8], other: [u8; 8], user: [u8; 16]) {
            let code = OrganizationCode::new(other);
            let organization = OrganizationId::new(code, random).to_string();
            let token = TeamTokenId::new(code, random).to_string();
            let team = TeamId::new(code, random).to_string();
            let user = user_number(UserId::new(Uuid::from_bytes(user)));
            for (id, word) in [(organization, "org-"), (token, "at-"), (team, "team-"), (user, "")] {
                let digits = id.strip_prefix(word).unwrap();
                prop_assert_eq!(digits.len(), DIGITS);
                prop_assert!(digits.bytes().all(|digit| BASE58.contains(&digit)), "{}", id);
            }
        }

        #[test]
        fn old_base62_ids_are_accepted(digits in "[0-9A-Za-z]{16}") {
            let token = TeamTokenId::parse(&format!("at-{digits}")).unwrap();
            prop_assert_eq!(token.digits(), digits);
            prop_assert_eq!(TeamTokenId::of_key(token.key_id()), Some(token));
        }

        #[test]
        fn api_key_id_is_not_a_token_id(random: [u8; 16]) {
            let id = uuid::Builder::from_random_bytes(random).into_uuid();
            prop_assert_eq!(TeamTokenId::of_key(KeyId::new(id)), None);
        }
    }
}
