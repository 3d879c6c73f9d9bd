//! Ethernet II and VLAN tags.
//!
//! ```text
//!   0      6      12   14              the same with a tag (IEEE 802.1Q)
//!  +------+------+----+---- - -       +------+------+------+---------------+----+---- - -
//!  | dst  | src  |type| payload       | dst  | src  | 8100 | pcp dei vid   |type| payload
//!  +------+------+----+---- - -       +------+------+------+---------------+----+---- - -
//! ```

use std::fmt;

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::build::Completing;
use super::dissect::{Dissected, LengthError, Next};
use super::layer::{Behaviour, Show, bits, layer};
use super::verify::Defect;
use super::view::View;
use crate::codec::EtherType;

const ETHERNET_BEHAVIOUR: Behaviour = Behaviour {
    fixed: |_| 14,
    align: 1,
    dissect: |octets| {
        let header = Ethernet2HeaderSlice::from_slice(octets).map_err(|error| truncated(&error))?;
        Ok(Dissected { header: 14, length: None, next: Next::ether_type(header.ether_type().0) })
    },
    complete: |header, cx| cx.write(header, "ether_type", cx.next_ether_type()),
    verify: nothing,
    summary: |view, f| {
        let address = |field| Mac(view.number(field));
        write!(f, "{} > {} type {:#06x}", address("src"), address("dst"), view.number("ether_type"))
    },
};

layer! {
    /// An Ethernet II header, 14 octets (IEEE 802.3 clause 3, RFC 894), without preamble and check sequence.
    ///
    /// Built without addresses it goes from the peer's to the host's, or to the group's where the packet inside does.
    Ethernet, ETHERNET = Ethernet "Ethernet", ETHERNET_BEHAVIOUR;
    /// Destination hardware address.
    dst: [u8; 6] = bits(0, 48).show(Show::Mac);
    /// Source hardware address.
    src: [u8; 6] = bits(48, 48).show(Show::Mac);
    /// The EtherType: computed from the layer inside unless set.
    ether_type: EtherType = bits(96, 16).computed().show(Show::Hex(4));
}

const VLAN_BEHAVIOUR: Behaviour = Behaviour {
    fixed: |_| 4,
    align: 1,
    dissect: |octets| {
        let header = SingleVlanHeaderSlice::from_slice(octets).map_err(|error| truncated(&error))?;
        Ok(Dissected { header: 4, length: None, next: Next::ether_type(header.ether_type().0) })
    },
    complete: |header, cx: &Completing<'_>| cx.write(header, "ether_type", cx.next_ether_type()),
    verify: nothing,
    summary: |view, f| write!(f, "vlan {}", view.number("id")),
};

layer! {
    /// A VLAN tag, 4 octets (IEEE 802.1Q). Tags stack: `Ethernet / Vlan / Vlan / Ipv4`; for an outer service tag give
    /// the layer around it the EtherType 0x88a8.
    Vlan, VLAN = Vlan "VLAN", VLAN_BEHAVIOUR;
    /// Priority code point, 3 bits.
    priority: u8 = bits(0, 3);
    /// Drop eligible indicator.
    drop_eligible: bool = bits(3, 1).show(Show::Bool);
    /// VLAN identifier, 12 bits.
    id: u16 = bits(4, 12);
    /// The EtherType of what follows: computed unless set.
    ether_type: EtherType = bits(16, 16).computed().show(Show::Hex(4));
}

pub(crate) fn truncated(error: &etherparse::err::LenError) -> LengthError {
    LengthError::Truncated { needed: error.required_len }
}

fn nothing(_: &View<'_>, _: &mut dyn FnMut(Defect)) {}

/// A hardware address as it is written.
pub(crate) struct Mac(pub(crate) u128);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [.., a, b, c, d, e, g] = self.0.to_be_bytes();
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
