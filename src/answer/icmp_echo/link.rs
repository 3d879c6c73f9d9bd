//! What stands in front of the IP packet: nothing on TUN, an Ethernet header with its VLAN tags on TAP.

use etherparse::{EtherType, Ethernet2Slice, SingleVlanSlice};

use super::IcmpEcho;
use crate::device::{FrameRef, Mode};

/// The header in front of the packet, borrowed from the request.
#[derive(Clone, Copy)]
pub(super) enum LinkHeader<'a> {
    /// TUN.
    None,
    /// TAP.
    Ethernet {
        destination: [u8; 6],
        source: [u8; 6],
        /// From the first EtherType to the last, which names the packet: 2 octets, and 4 more for each VLAN tag.
        types: &'a [u8],
        ether_type: EtherType,
    },
}

/// Set in the first octet of an Ethernet address that names a group; broadcast is one of them (IEEE 802, I/G bit).
const GROUP: u8 = 0x01;

const fn is_group(address: [u8; 6]) -> bool {
    address[0] & GROUP != 0
}

impl<'a> LinkHeader<'a> {
    /// The header and the octets behind it. `None` when it is cut short or comes from a group address.
    pub(super) fn split(request: FrameRef<'a>) -> Option<(Self, &'a [u8])> {
        if request.mode == Mode::Tun {
            return Some((Self::None, request.octets));
        }
        let ethernet = Ethernet2Slice::from_slice_without_fcs(request.octets).ok()?;
        if is_group(ethernet.source()) {
            return None;
        }
        let mut ether_type = ethernet.ether_type();
        let mut payload = ethernet.payload_slice();
        while matches!(
            ether_type,
            EtherType::VLAN_TAGGED_FRAME | EtherType::PROVIDER_BRIDGING | EtherType::VLAN_DOUBLE_TAGGED_FRAME
        ) {
            let tag = SingleVlanSlice::from_slice(payload).ok()?;
            ether_type = tag.ether_type();
            payload = tag.payload_slice();
        }
        let header = request.octets.get(..request.octets.len() - payload.len())?;
        let link = Self::Ethernet {
            destination: ethernet.destination(),
            source: ethernet.source(),
            types: header.get(12..)?,
            ether_type,
        };
        Some((link, payload))
    }

    /// The EtherType of the packet; `None` on TUN.
    pub(super) const fn ether_type(&self) -> Option<EtherType> {
        match self {
            Self::None => None,
            Self::Ethernet { ether_type, .. } => Some(*ether_type),
        }
    }

    /// Appends the header of the reply.
    pub(super) fn write_reply(&self, reply: &mut Vec<u8>) {
        let Self::Ethernet { destination, source, types, .. } = self else {
            return;
        };
        reply.extend_from_slice(source);
        reply.extend_from_slice(if is_group(*destination) { &IcmpEcho::ETHERNET_ADDRESS } else { destination });
        reply.extend_from_slice(types);
    }
}
