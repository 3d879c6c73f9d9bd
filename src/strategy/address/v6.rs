//! IPv6 addresses (IANA "IPv6 Special-Purpose Address Registry", RFC 6890; RFC 4291).

use std::net::Ipv6Addr;

use super::AddressClass::{self, Documentation, Global, LinkLocal, Multicast, Private, Special};
use super::{ANY, Family, SOURCE, is_in, strategies};

const fn ip(bits: u128) -> Ipv6Addr {
    Ipv6Addr::from_bits(bits)
}

/// The address that begins with these 32 bits and ends with those.
const fn from(start: u32, end: u32) -> Ipv6Addr {
    Ipv6Addr::from_bits((start as u128) << 96 | end as u128)
}

/// RFC 3849, RFC 9637.
const DOCUMENTATION: &[(Ipv6Addr, usize)] = &[(from(0x2001_0db8, 0), 32), (from(0x3fff_0000, 0), 20)];
/// RFC 4193.
const PRIVATE: &[(Ipv6Addr, usize)] = &[(from(0xfd00_0000, 0), 8), (from(0xfc00_0000, 0), 7)];
/// RFC 4291 section 2.5.6: 54 zeros follow the prefix, but it is of 10 bits.
const LINK_LOCAL: &[(Ipv6Addr, usize)] = &[(from(0xfe80_0000, 0), 64), (from(0xfe80_0000, 0), 10)];
/// RFC 4291 section 2.7.
const MULTICAST: &[(Ipv6Addr, usize)] = &[(from(0xff02_0000, 0), 16), (from(0xff00_0000, 0), 8)];
const SPECIAL: &[(Ipv6Addr, usize)] = &[
    // Loopback and unspecified, IPv4-mapped (RFC 4291), IPv4-compatible, which is no more.
    (ip(1), 128),
    (ip(0), 128),
    (ip(0xffff_0000_0000), 96),
    (ip(0), 96),
    // Translation from IPv4 (RFC 6052, RFC 8215).
    (from(0x0064_ff9b, 0), 96),
    (ip(0x0064_ff9b_0001 << 80), 48),
    // Discard only (RFC 6666), a prefix of none (RFC 9780).
    (ip(0x0100 << 112), 64),
    (ip(0x0100_0000_0000_0001 << 64), 64),
    // Protocol assignments, among them Teredo, benchmarking and ORCHIDv2 (RFC 2928); 6to4 (RFC 3056), AS112 (RFC 7534).
    (from(0x2001_0000, 0), 23),
    (from(0x2002_0000, 0), 16),
    (ip(0x2620_004f_8000 << 80), 48),
    // Segment identifiers of SRv6 (RFC 9602), site-local, which is no more (RFC 3879).
    (from(0x5f00_0000, 0), 16),
    (from(0xfec0_0000, 0), 10),
];
/// Global unicast (IANA "Internet Protocol Version 6 Address Space"): what is neither in it nor in one of the others is
/// not assigned.
const GLOBAL: &[(Ipv6Addr, usize)] = &[(from(0x2000_0000, 0), 3)];

impl Family for Ipv6Addr {
    const OCTETS: usize = 16;

    fn class(self) -> AddressClass {
        let known = [Documentation, Private, LinkLocal, Multicast, Special, Global];
        known.into_iter().find(|class| is_in(self, Self::prefixes(*class))).unwrap_or(Special)
    }

    fn written(class: AddressClass) -> &'static [Self] {
        match class {
            Documentation => const { &[from(0x2001_0db8, 1), from(0x2001_0db8, 2), from(0x3fff_0000, 1)] },
            Private => const { &[from(0xfd00_0000, 1), from(0xfd00_0000, 2)] },
            LinkLocal => const { &[from(0xfe80_0000, 1), from(0xfe80_0000, 2)] },
            // All nodes, all routers, mDNS, MLDv2, a solicited node, documentation (RFC 6676).
            Multicast => {
                const {
                    &[
                        from(0xff02_0000, 1),
                        from(0xff02_0000, 2),
                        from(0xff02_0000, 0xfb),
                        from(0xff02_0000, 0x16),
                        ip(0xff02_0000_0000_0000_0000_0001_ff00_0002),
                        ip(0xff0e_0000_0000_0000_0000_0db8_0000_0001),
                    ]
                }
            }
            Special => {
                const { &[ip(1), ip(0), ip(0xffff_c000_0201), from(0x0064_ff9b, 0xc000_0201), from(0x2002_c000, 1)] }
            }
            // Public resolvers.
            Global => {
                const { &[ip(0x2606_4700_4700_0000_0000_0000_0000_1111), ip(0x2001_4860_4860_0000_0000_0000_0000_8888)] }
            }
        }
    }

    fn prefixes(class: AddressClass) -> &'static [(Self, usize)] {
        match class {
            Documentation => DOCUMENTATION,
            Private => PRIVATE,
            LinkLocal => LINK_LOCAL,
            Multicast => MULTICAST,
            Special => SPECIAL,
            Global => GLOBAL,
        }
    }

    fn number(self) -> u128 {
        self.to_bits()
    }

    fn of(number: u128) -> Self {
        Self::from_bits(number)
    }
}

strategies! {
    /// Any IPv6 address: of documentation in 6 of 20 cases, private in 4, multicast and global in 3 each, link-local
    /// and special in 2 each. Shrinks to 2001:db8::1, or to the plainest of its class.
    any_v6: Ipv6Addr = &ANY;
    /// An address that a packet can come from, which is no group's and not special: of documentation in 8 of 20 cases,
    /// private in 5, global in 4, link-local in 3. Shrinks to 2001:db8::1, or to the plainest of its class.
    source_v6: Ipv6Addr = &SOURCE;
    /// An address for examples (RFC 3849, RFC 9637). Shrinks to 2001:db8::1.
    documentation_v6: Ipv6Addr = &[(1, Documentation)];
    /// A unique local address (RFC 4193). Shrinks to fd00::1.
    private_v6: Ipv6Addr = &[(1, Private)];
    /// A link-local address (RFC 4291 section 2.5.6), in half of the cases of fe80::/64. Shrinks to fe80::1.
    link_local_v6: Ipv6Addr = &[(1, LinkLocal)];
    /// A group (RFC 4291 section 2.7), often of the link. Shrinks to ff02::1, all nodes.
    multicast_v6: Ipv6Addr = &[(1, Multicast)];
    /// An address with a purpose (RFC 6890): loopback, unspecified, IPv4-mapped, translated, 6to4, not assigned. Shrinks
    /// to ::1.
    special_v6: Ipv6Addr = &[(1, Special)];
    /// An address of 2000::/3 of none of the other classes. Shrinks to 2606:4700:4700::1111.
    global_v6: Ipv6Addr = &[(1, Global)];
}
