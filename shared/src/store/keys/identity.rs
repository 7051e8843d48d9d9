//! Users, their credentials and sessions, and rate budgets: the identity table.

use super::{hex, parse_namespace};
use crate::domain::rate::{Network, RateLimitKey};
use crate::domain::{KeyId, KeyName, Namespace, SessionId, UserId, Vcs};

pub fn user(id: UserId) -> String {
    format!("user#{id}")
}

/// The user that owns this partition.
pub fn parse_user(partition: &str) -> Option<UserId> {
    UserId::parse(partition.strip_prefix("user#")?)
}

/// Name of the index that lists what belongs to an installation, and of its partition key. Its sort key is the
/// partition key of the table.
pub const BY_INSTALLATION: &str = "by_installation";

pub fn members_of(namespace: Namespace) -> String {
    format!("member#{namespace}")
}

pub fn organizations_in(namespace: Namespace) -> String {
    format!("organization#{namespace}")
}

pub const PROFILE: &str = "profile";

pub fn administrator(id: UserId) -> String {
    format!("administrator#{id}")
}

pub const ADMINISTRATOR: &str = "administrator";

pub fn identity_of_user(vcs: Vcs) -> String {
    format!("identity#{vcs}")
}

pub fn identity(vcs: Vcs, provider_id: u64) -> String {
    format!("identity#{vcs}#{provider_id}")
}

pub const IDENTITY: &str = "identity";

pub fn login(vcs: Vcs, login: &str) -> String {
    format!("login#{vcs}#{}", hex(login))
}

pub const LOGIN: &str = "login";

pub fn sign_in(state: &[u8; 32]) -> String {
    format!("sign-in#{}", hex(state))
}

pub const SIGN_IN: &str = "sign-in";

pub fn session(id: SessionId) -> String {
    format!("session#{id}")
}

pub const SESSION: &str = "session";

pub fn memberships(vcs: Vcs) -> String {
    format!("member#{vcs}#")
}

pub fn membership(namespace: Namespace) -> String {
    format!("{}{}", memberships(namespace.vcs), namespace.installation)
}

/// Inverse of [`membership`].
pub fn parse_membership(sort_key: &str) -> Option<Namespace> {
    parse_namespace(sort_key.strip_prefix("member#")?)
}

pub fn membership_list(vcs: Vcs) -> String {
    format!("member-list#{vcs}")
}

pub fn api_key(id: KeyId) -> String {
    format!("key#{id}")
}

pub const API_KEY: &str = "key";

/// The prefix of the listing entries of all keys of a user.
pub const LISTED_KEYS: &str = "key#";

pub fn listed_keys(vcs: Vcs) -> String {
    format!("key#{vcs}#")
}

/// Hex keeps the byte order of names. `#` sorts before every digit, so a name sorts before every longer name that
/// begins with it.
pub fn listed_key(vcs: Vcs, name: &KeyName, id: KeyId) -> String {
    format!("{}{}#{id}", listed_keys(vcs), hex(name.as_str()))
}

pub const PUBLIC_KEYS: &str = "public-keys";

/// The budget of each rate limit key has its own partition.
pub fn budget(subject: &RateLimitKey) -> String {
    match subject {
        RateLimitKey::Key(key) => format!("rate#key#{key}"),
        RateLimitKey::Session(session) => format!("rate#session#{session}"),
        RateLimitKey::Principal(user) => format!("rate#principal#{user}"),
        RateLimitKey::Anonymous(network) => format!("rate#stranger#{}", network_part(network)),
        RateLimitKey::FailedSecret(key, network) => format!("rate#guesser#{key}#{}", network_part(network)),
    }
}

fn network_part(network: &Network) -> String {
    match network {
        Network::V4(address) => hex(address),
        Network::V6(half) => hex(half),
        Network::Unknown => "unknown".into(),
    }
}

pub const BUDGET: &str = "budget";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_in_the_order_of_their_bytes() {
        let id = KeyId::new(uuid::Uuid::from_u128(1));
        let mut names = ["b", "a", "", "a#", "ab", "ä", "a\0"].map(|name| KeyName::new(name.into()).unwrap());
        names.sort_by_key(|name| listed_key(Vcs::Github, name, id));
        assert_eq!(names.each_ref().map(KeyName::as_str), ["", "a", "a\0", "a#", "ab", "b", "ä"]);
    }
}
