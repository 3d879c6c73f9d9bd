//! What an address is for.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Family;

/// What an address is for. Each address is of exactly one class: the first of these that fits, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum AddressClass {
    /// For examples: 192.0.2.0/24 and others (RFC 5737), 2001:db8::/32 (RFC 3849), 3fff::/20 (RFC 9637),
    /// 00:00:5e:00:53:00 to ff (RFC 9542).
    Documentation,
    /// For networks of one's own: RFC 1918, unique local addresses (RFC 4193), locally administered hardware addresses.
    Private,
    /// Of meaning on one link: 169.254.0.0/16 (RFC 3927), fe80::/10 (RFC 4291), 01:80:c2:00:00:00 to 0f (IEEE 802.1Q).
    LinkLocal,
    /// A group's.
    Multicast,
    /// What the registries of RFC 6890 keep for a purpose: unspecified, loopback, broadcast, IPv4-mapped,
    /// translation, benchmarking, not assigned.
    Special,
    /// All others: those of hosts on the Internet, of interfaces as they are sold.
    Global,
}

impl AddressClass {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Documentation, Self::Private, Self::LinkLocal, Self::Multicast, Self::Special, Self::Global];

    /// The class of an IPv4 address.
    #[must_use]
    pub fn of_v4(address: Ipv4Addr) -> Self {
        address.class()
    }

    /// The class of an IPv6 address.
    #[must_use]
    pub fn of_v6(address: Ipv6Addr) -> Self {
        address.class()
    }

    /// The class of a hardware address.
    #[must_use]
    pub fn of_mac(address: [u8; 6]) -> Self {
        address.class()
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Documentation => "documentation",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Multicast => "multicast",
            Self::Special => "special",
            Self::Global => "global",
        })
    }
}
