//! IPv4 addresses (IANA "IPv4 Special-Purpose Address Registry", RFC 6890).

use std::net::Ipv4Addr;

use super::AddressClass::{self, Documentation, Global, LinkLocal, Multicast, Private, Special};
use super::{ANY, Family, SOURCE, is_in, strategies};

const fn ip(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// TEST-NET-1 to 3 (RFC 5737).
const DOCUMENTATION: &[(Ipv4Addr, usize)] =
    &[(ip(192, 0, 2, 0), 24), (ip(198, 51, 100, 0), 24), (ip(203, 0, 113, 0), 24)];
/// RFC 1918.
const PRIVATE: &[(Ipv4Addr, usize)] = &[(ip(10, 0, 0, 0), 8), (ip(172, 16, 0, 0), 12), (ip(192, 168, 0, 0), 16)];
/// RFC 3927.
const LINK_LOCAL: &[(Ipv4Addr, usize)] = &[(ip(169, 254, 0, 0), 16)];
/// RFC 5771.
const MULTICAST: &[(Ipv4Addr, usize)] = &[(ip(224, 0, 0, 0), 4)];
const SPECIAL: &[(Ipv4Addr, usize)] = &[
    // Loopback, and this host on this network (RFC 1122 section 3.2.1.3).
    (ip(127, 0, 0, 0), 8),
    (ip(0, 0, 0, 0), 8),
    // Shared between carriers (RFC 6598), protocol assignments (RFC 6890), 6to4 relays (RFC 7526), AS112 (RFC 7535,
    // RFC 7534), AMT (RFC 7450), benchmarking (RFC 2544).
    (ip(100, 64, 0, 0), 10),
    (ip(192, 0, 0, 0), 24),
    (ip(192, 88, 99, 0), 24),
    (ip(192, 31, 196, 0), 24),
    (ip(192, 175, 48, 0), 24),
    (ip(192, 52, 193, 0), 24),
    (ip(198, 18, 0, 0), 15),
    // Reserved, with broadcast at its end (RFC 1112 section 4, RFC 8190).
    (ip(240, 0, 0, 0), 4),
];

impl Family for Ipv4Addr {
    const OCTETS: usize = 4;

    fn class(self) -> AddressClass {
        let known = [Documentation, Private, LinkLocal, Multicast, Special];
        known.into_iter().find(|class| is_in(self, Self::prefixes(*class))).unwrap_or(Global)
    }

    fn written(class: AddressClass) -> &'static [Self] {
        match class {
            Documentation => const { &[ip(192, 0, 2, 1), ip(192, 0, 2, 2), ip(198, 51, 100, 1), ip(203, 0, 113, 1)] },
            Private => const { &[ip(10, 0, 0, 1), ip(192, 168, 0, 1), ip(172, 16, 0, 1)] },
            LinkLocal => const { &[ip(169, 254, 1, 1), ip(169, 254, 1, 2)] },
            // All systems, all routers, mDNS, IGMPv3, site-local scope, MCAST-TEST-NET (RFC 6676).
            Multicast => {
                const {
                    &[
                        ip(224, 0, 0, 1),
                        ip(224, 0, 0, 2),
                        ip(224, 0, 0, 251),
                        ip(224, 0, 0, 22),
                        ip(239, 255, 0, 1),
                        ip(233, 252, 0, 1),
                    ]
                }
            }
            Special => {
                const {
                    &[
                        ip(127, 0, 0, 1),
                        ip(0, 0, 0, 0),
                        ip(255, 255, 255, 255),
                        ip(100, 64, 0, 1),
                        ip(198, 18, 0, 1),
                        ip(240, 0, 0, 1),
                    ]
                }
            }
            Global => const { &[ip(1, 1, 1, 1), ip(8, 8, 8, 8)] },
        }
    }

    fn prefixes(class: AddressClass) -> &'static [(Self, usize)] {
        match class {
            Documentation => DOCUMENTATION,
            Private => PRIVATE,
            LinkLocal => LINK_LOCAL,
            Multicast => MULTICAST,
            Special => SPECIAL,
            Global => const { &[(ip(0, 0, 0, 0), 1), (ip(128, 0, 0, 0), 2), (ip(192, 0, 0, 0), 3)] },
        }
    }

    fn number(self) -> u128 {
        self.to_bits().into()
    }

    fn of(number: u128) -> Self {
        crate::packet::FieldValue::from_bits(number)
    }
}

strategies! {
    /// Any IPv4 address: of documentation in 6 of 20 cases, private in 4, multicast and global in 3 each, link-local
    /// and special in 2 each. Shrinks to 192.0.2.1, or to the plainest of its class.
    any_v4: Ipv4Addr = &ANY;
    /// An address that a datagram can come from, which is no group's and not special: of documentation in 8 of 20
    /// cases, private in 5, global in 4, link-local in 3. Shrinks to 192.0.2.1, or to the plainest of its class.
    source_v4: Ipv4Addr = &SOURCE;
    /// An address for examples (RFC 5737). Shrinks to 192.0.2.1.
    documentation_v4: Ipv4Addr = &[(1, Documentation)];
    /// A private address (RFC 1918). Shrinks to 10.0.0.1.
    private_v4: Ipv4Addr = &[(1, Private)];
    /// A link-local address (RFC 3927). Shrinks to 169.254.1.1: the first 256 are reserved.
    link_local_v4: Ipv4Addr = &[(1, LinkLocal)];
    /// A group (RFC 5771). Shrinks to 224.0.0.1, all systems.
    multicast_v4: Ipv4Addr = &[(1, Multicast)];
    /// An address with a purpose (RFC 6890): loopback, unspecified, broadcast, shared, benchmarking, reserved. Shrinks
    /// to 127.0.0.1.
    special_v4: Ipv4Addr = &[(1, Special)];
    /// An address of none of the other classes. Shrinks to 1.1.1.1.
    global_v4: Ipv4Addr = &[(1, Global)];
}
