//! Ethernet around the packets of a TAP link (IEEE 802.3 clause 3), and the frames that are for the host.

use std::net::IpAddr;

use super::packet::u16_at;
use super::stack::Stack;
use crate::fault::packet_info::ETHERNET_HEADER;
use crate::mock::state::ether_type;

/// A VLAN tag's four octets (IEEE 802.1Q): the tag, and the protocol that follows.
const TAG: usize = 4;

pub(super) const fn is_group(mac: [u8; 6]) -> bool {
    let [first, ..] = mac;
    first & 1 == 1
}

/// The group of Ethernet's for a multicast address (RFC 1112 section 6.4, RFC 2464 section 7).
pub(super) const fn group(address: IpAddr) -> Option<[u8; 6]> {
    match address {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let [.., a, b, c, d] = v6.octets();
            Some([0x33, 0x33, a, b, c, d])
        }
        _ => None,
    }
}

pub(super) const fn kind_of(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(_) => ether_type::IPV4,
        IpAddr::V6(_) => ether_type::IPV6,
    }
}

pub(super) fn frame(source: [u8; 6], destination: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [destination.as_slice(), &source, &kind.to_be_bytes(), payload].concat()
}

impl Stack {
    /// A frame: for the host's own MAC, or for a group. One with a priority tag (VLAN 0) counts as untagged; those of
    /// other VLANs are for other interfaces.
    pub(super) fn receive_ethernet(&mut self, link: usize, octets: &[u8]) {
        let Some(own) = self.links.get(link).map(|link| link.mac) else { return };
        let Some(&destination) = octets.first_chunk::<6>() else { return };
        let in_group_frame = is_group(destination);
        if !in_group_frame && destination != own {
            return;
        }
        let Some(mut kind) = u16_at(octets, 12) else { return };
        let mut payload = octets.get(ETHERNET_HEADER..).unwrap_or_default();
        if kind == ether_type::VLAN {
            let (Some(tag), Some(inner)) = (u16_at(payload, 0), u16_at(payload, 2)) else { return };
            if tag & 0x0fff != 0 {
                return;
            }
            (kind, payload) = (inner, payload.get(TAG..).unwrap_or_default());
        }
        match kind {
            ether_type::IPV4 => self.receive_ipv4(payload, Some(link), in_group_frame),
            ether_type::IPV6 => self.receive_ipv6(payload, Some(link), in_group_frame),
            ether_type::ARP => self.receive_arp(link, payload),
            _ => {}
        }
    }
}
