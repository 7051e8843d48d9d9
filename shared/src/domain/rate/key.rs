//! Whose budget a request is counted against.

use std::net::IpAddr;

use crate::domain::{KeyId, SessionId, UserId};

/// Whose budget a request is counted against. A request may be counted against more than one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// An API key: all its exchanges, and all requests with access tokens that were issued for it.
    Key(KeyId),
    /// A browser session: all requests with its cookie.
    Session(SessionId),
    /// A person, team or organization under `/api/v2`: requests with any of its tokens.
    Principal(UserId),
    /// Requests without a valid credential from one network.
    Anonymous(Network),
    /// Wrong secrets for one key from one network.
    FailedSecret(KeyId, Network),
}

/// The network that a request came from: the smallest unit that belongs to one customer of an access provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    V4([u8; 4]),
    /// The first 64 bits of an IPv6 address. A host chooses the other 64 itself.
    V6([u8; 8]),
    /// The gateway gave no address, or none that can be read.
    Unknown,
}

impl Network {
    /// From an address as a gateway writes it. An IPv4 address that is mapped into IPv6 is an IPv4 address.
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
