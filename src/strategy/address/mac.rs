//! Hardware addresses of 48 bits (IEEE 802; RFC 9542).
//!
//! ```text
//!   first octet   b7 b6 b5 b4 b3 b2 | b1: 1 locally administered | b0: 1 a group
//! ```

use super::AddressClass::{self, Documentation, Global, LinkLocal, Multicast, Private, Special};
use super::{ANY, Family, strategies};

/// How often a sender's address is of each class, in fives: the plainest first. Those of documentation are left out, of
/// which some are groups.
const SOURCE: [(u32, AddressClass); 2] = [(3, Private), (2, Global)];

impl Family for [u8; 6] {
    const OCTETS: usize = 6;

    fn class(self) -> AddressClass {
        match self {
            [0, 0, 0, 0, 0, 0] | [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Special,
            [0x00 | 0x01, 0x00, 0x5e, 0x00, 0x53, _] | [0x01, 0x00, 0x5e, 0x90, 0x10, _] => Documentation,
            [0x01, 0x80, 0xc2, 0x00, 0x00, 0x00..=0x0f] => LinkLocal,
            [first, ..] if first & 1 == 1 => Multicast,
            [first, ..] if first & 2 == 2 => Private,
            _ => Global,
        }
    }

    fn written(class: AddressClass) -> &'static [Self] {
        match class {
            Documentation => &[[0x00, 0x00, 0x5e, 0x00, 0x53, 0x01], [0x00, 0x00, 0x5e, 0x00, 0x53, 0x02]],
            Private => &[[0x02, 0, 0, 0, 0, 1], [0x02, 0, 0, 0, 0, 2]],
            // Spanning tree, LLDP.
            LinkLocal => &[[0x01, 0x80, 0xc2, 0, 0, 0], [0x01, 0x80, 0xc2, 0, 0, 0x0e]],
            // All systems of IPv4, all nodes of IPv6.
            Multicast => &[[0x01, 0x00, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1]],
            Special => &[[0xff; 6], [0; 6]],
            // Xerox, which defined them.
            Global => &[[0x00, 0x00, 0x00, 0, 0, 1], [0x00, 0x00, 0x01, 0, 0, 1]],
        }
    }

    fn prefixes(class: AddressClass) -> &'static [(Self, usize)] {
        match class {
            Documentation => &[([0x00, 0x00, 0x5e, 0x00, 0x53, 0], 40), ([0x01, 0x00, 0x5e, 0x90, 0x10, 0], 40)],
            Private => &[([0x02, 0, 0, 0, 0, 0], 24), ([0x06, 0, 0, 0, 0, 0], 8), ([0xfe, 0, 0, 0, 0, 0], 8)],
            LinkLocal => &[([0x01, 0x80, 0xc2, 0, 0, 0], 44)],
            // Of IPv4 (RFC 1112 section 6.4), of IPv6 (RFC 2464 section 7), of others.
            Multicast => {
                &[([0x01, 0x00, 0x5e, 0, 0, 0], 25), ([0x33, 0x33, 0, 0, 0, 0], 16), ([0x01, 0, 0, 0, 0, 0], 8)]
            }
            Special => &[([0xff; 6], 48), ([0; 6], 48)],
            Global => &[([0x00, 0, 0, 0, 0, 0], 8), ([0x00, 0x1b, 0x21, 0, 0, 0], 24), ([0xf4, 0, 0, 0, 0, 0], 8)],
        }
    }

    fn number(self) -> u128 {
        crate::packet::FieldValue::to_bits(self)
    }

    fn of(number: u128) -> Self {
        crate::packet::FieldValue::from_bits(number)
    }
}

/// The order in which hardware addresses of several classes shrink: a test's links have locally administered ones.
const fn private_first<const N: usize>(classes: [(u32, AddressClass); N]) -> [(u32, AddressClass); N] {
    let mut classes = classes;
    classes.swap(0, 1);
    classes
}

strategies! {
    /// Any hardware address: of documentation in 6 of 20 cases, locally administered in 4, multicast and universally
    /// administered in 3 each, of the link alone and special in 2 each. Shrinks to 02:00:00:00:00:01, or to the plainest
    /// of its class.
    any_mac: [u8; 6] = &private_first(ANY);
    /// An address that a frame can come from, which is no group's: locally administered in 3 of 5 cases, universally
    /// administered in 2. Shrinks to 02:00:00:00:00:01, or to the plainest of its class.
    source_mac: [u8; 6] = &SOURCE;
    /// An address for examples (RFC 9542): an interface's, now and then a group's. Shrinks to 00:00:5e:00:53:01.
    documentation_mac: [u8; 6] = &[(1, Documentation)];
    /// A locally administered address. Shrinks to 02:00:00:00:00:01.
    private_mac: [u8; 6] = &[(1, Private)];
    /// An address that no bridge forwards (IEEE 802.1Q). Shrinks to 01:80:c2:00:00:00.
    link_local_mac: [u8; 6] = &[(1, LinkLocal)];
    /// A group: of IPv4, of IPv6, of others. Shrinks to 01:00:5e:00:00:01.
    multicast_mac: [u8; 6] = &[(1, Multicast)];
    /// Broadcast, or zeros. Shrinks to ff:ff:ff:ff:ff:ff.
    special_mac: [u8; 6] = &[(1, Special)];
    /// An address as interfaces are sold with. Shrinks to 00:00:00:00:00:01.
    global_mac: [u8; 6] = &[(1, Global)];
}
