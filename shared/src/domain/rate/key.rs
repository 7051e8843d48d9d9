//! Who is limited.

use std::net::IpAddr;

use crate::domain::{KeyId, SessionId, UserId};

/// Whose budget a request is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// An API key, with all tokens it bought and all its exchanges.
    Key(KeyId),
    /// A browser session.
    Session(SessionId),
    /// A person, team or organization, with all its tokens, where organizations are managed.
    Principal(UserId),
    /// Everybody without a usable credential at one place.
    Anonymous(Network),
    /// Wrong secrets for one key from one place.
    FailedSecret(KeyId, Network),
}

/// Where a request came from, as far as one customer of a network can be told from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    /// An IPv4 address.
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address: the rest is the host's own choice.
    V6([u8; 8]),
    /// The gateway did not say.
    Unknown,
}

impl Network {
    /// Reads an address as a gateway writes it.
    pub fn of(address: Option<&str>) -> Self {
        match address.and_then(|text| text.parse::<IpAddr>().ok()).map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.octets()),
            Some(IpAddr::V6(address)) => address.octets().first_chunk().map_or(Self::Unknown, |half| Self::V6(*half)),
            None => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ipv6_is_keyed_by_its_64_bit_prefix_and_ipv4_by_address() {
        let of = |text| Network::of(Some(text));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        for none in [None, Some(""), Some("host"), Some("192.0.2.1, 192.0.2.2")] {
            assert_eq!(Network::of(none), Network::Unknown);
        }
    }
}
