//! A small host that answers pings: ICMPv4 and ICMPv6 echo, and on TAP the ARP requests and neighbour solicitations
//! that come before them.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Instant;

use etherparse::checksum::Sum16BitWords;
use etherparse::icmpv6::{NdpOptionSlice, NdpOptionsIterator};
use etherparse::{
    ArpEthIpv4Packet, ArpOperation, ArpPacket, EtherType, Ethernet2Header, Icmpv6Slice, IpNumber, Ipv4Header,
    Ipv4HeaderSlice, Ipv6FlowLabel, Ipv6Header, Ipv6HeaderSlice,
};

use super::HostStack;
use super::state::ether_type;
use crate::device::{Cidr, FrameRef, Mode};

/// Hop limit and TTL of what it sends (the kernel's default).
const TTL: u8 = 64;

/// ICMP types (RFC 792, RFC 4443, RFC 4861).
const V4_ECHO_REQUEST: u8 = 8;
const V4_ECHO_REPLY: u8 = 0;
const V6_ECHO_REQUEST: u8 = 128;
const V6_ECHO_REPLY: u8 = 129;
const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// A [`HostStack`] that owns addresses and answers echo requests to them, as a Linux host does on a fresh link.
///
/// Answered: ICMPv4 and ICMPv6 echo requests to its own addresses whose header, lengths and checksums are right, from
/// sources that it has a route to; the code and the traffic class are kept, TTL 64. On TAP also ARP requests, probes
/// (RFC 5227) included, and neighbour solicitations with hop limit 255. Priority-tagged frames (VLAN 0) count as
/// untagged; frames of other VLANs are for other interfaces.
///
/// It does not: fragment or reassemble, look behind IPv6 extension headers, copy IPv4 options, resolve its neighbours
/// (a reply goes where the request came from), send errors, or know any other protocol.
///
/// ```
/// use tuntap_test::mock::{Cable, CableConfig, EchoHost};
///
/// let host = EchoHost::new().address("192.0.2.1/24".parse()?).address("2001:db8::1/64".parse()?);
/// let cable = Cable::new(CableConfig::tun().host(host))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct EchoHost {
    addresses: Vec<Cidr>,
    routes: Vec<Cidr>,
    mac: [u8; 6],
    identification: u16,
}

impl Default for EchoHost {
    fn default() -> Self {
        Self::new()
    }
}

impl EchoHost {
    /// A host without addresses, with the MAC 02:00:00:00:00:01.
    pub const fn new() -> Self {
        Self { addresses: Vec::new(), routes: Vec::new(), mac: [2, 0, 0, 0, 0, 1], identification: 0 }
    }

    /// Adds an address. Its prefix is on the link: the host answers to it.
    pub fn address(mut self, address: Cidr) -> Self {
        self.addresses.push(address);
        self
    }

    /// Adds a route over the link: the host answers to that prefix, too.
    pub fn route(mut self, prefix: Cidr) -> Self {
        self.routes.push(prefix);
        self
    }

    /// The MAC on TAP.
    pub const fn mac(mut self, mac: [u8; 6]) -> Self {
        self.mac = mac;
        self
    }

    fn owns(&self, address: impl Into<IpAddr>) -> bool {
        let address = address.into();
        self.addresses.iter().any(|own| own.address() == address)
    }

    /// Whether a reply to that source leaves over this link.
    fn reaches(&self, source: impl Into<IpAddr>) -> bool {
        let source = source.into();
        let possible = match source {
            // Class E and the broadcast address are no sources either.
            IpAddr::V4(v4) => v4.octets() < [224, 0, 0, 0],
            IpAddr::V6(v6) => !v6.is_multicast(),
        };
        possible
            && !source.is_unspecified()
            && !source.is_loopback()
            && !self.owns(source)
            && self.addresses.iter().chain(&self.routes).any(|prefix| prefix.contains(source))
    }

    fn answer_ipv4(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
        let message = packet.get(header.slice().len()..usize::from(header.total_len()))?;
        let wanted = is_zero_sum(header.slice())
            && !header.is_fragmenting_payload()
            && header.protocol() == IpNumber::ICMP
            && self.owns(header.destination_addr())
            && self.reaches(header.source_addr());
        let &[V4_ECHO_REQUEST, code, _, _, ref rest @ ..] = message else { return None };
        if !wanted || rest.len() < 4 || !is_zero_sum(message) {
            return None;
        }
        let sum = Sum16BitWords::new().add_2bytes([V4_ECHO_REPLY, code]).add_slice(rest).ones_complement();
        let length = u16::try_from(message.len()).ok()?;
        let mut reply = Ipv4Header::new(length, TTL, IpNumber::ICMP, header.destination(), header.source()).ok()?;
        self.identification = self.identification.wrapping_add(1);
        reply.identification = self.identification;
        reply.dont_fragment = false;
        reply.dscp = header.dcp();
        reply.ecn = header.ecn();
        reply.header_checksum = reply.calc_header_checksum();
        let mut octets = reply.to_bytes().to_vec();
        octets.extend_from_slice(&[V4_ECHO_REPLY, code]);
        octets.extend_from_slice(&sum.to_ne_bytes());
        octets.extend_from_slice(rest);
        Some(octets)
    }

    fn answer_ipv6(&self, packet: &[u8]) -> Option<Vec<u8>> {
        let (header, message) = icmpv6(packet)?;
        let &[V6_ECHO_REQUEST, code, _, _, ref rest @ ..] = message.slice() else { return None };
        let wanted = self.owns(header.destination_addr()) && self.reaches(header.source_addr());
        let body = [&[V6_ECHO_REPLY, code, 0, 0], rest].concat();
        wanted.then(|| build_icmpv6(&header, header.destination(), header.source(), TTL, body)).flatten()
    }

    /// The advertisement for a solicitation, and the MAC that it goes to (RFC 4861 sections 7.1.1 and 7.2.4).
    fn answer_solicitation(&self, packet: &[u8], from: [u8; 6]) -> Option<([u8; 6], Vec<u8>)> {
        let (header, message) = icmpv6(packet)?;
        if message.type_u8() != NEIGHBOUR_SOLICITATION || message.code_u8() != 0 || header.hop_limit() != 255 {
            return None;
        }
        let (target, options) = message.payload().split_first_chunk::<16>()?;
        let mut link_layer = None;
        for option in NdpOptionsIterator::from_slice(options) {
            if let NdpOptionSlice::SourceLinkLayerAddress(option) = option.ok()? {
                link_layer = option.link_layer_address().first_chunk::<6>().copied();
            }
        }
        let destination = header.destination_addr();
        let solicited_node = solicited_node(*target);
        if !self.owns(Ipv6Addr::from(*target)) || !(self.owns(destination) || destination == solicited_node) {
            return None;
        }
        let source = header.source_addr();
        let (flags, to, to_mac) = if source.is_unspecified() {
            // Duplicate address detection: everybody hears that the address is taken.
            if destination != solicited_node || link_layer.is_some() {
                return None;
            }
            (0x20, Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), [0x33, 0x33, 0, 0, 0, 1])
        } else if self.reaches(source) {
            (0x60, source, link_layer.unwrap_or(from))
        } else {
            return None;
        };
        let body =
            [&[NEIGHBOUR_ADVERTISEMENT, 0, 0, 0, flags, 0, 0, 0], target.as_slice(), &[2, 1], &self.mac].concat();
        Some((to_mac, build_icmpv6(&header, *target, to.octets(), 255, body)?))
    }

    fn answer_arp(&self, packet: &[u8]) -> Option<([u8; 6], Vec<u8>)> {
        let request = ArpPacket::from_slice(packet).ok()?.try_eth_ipv4().ok()?;
        let (sender, target) = (request.sender_ipv4_addr(), request.target_ipv4_addr());
        // As measured: a sender off the link is answered, an impostor is not.
        let sender_possible = sender.octets() < [224, 0, 0, 0] && !sender.is_loopback() && !self.owns(sender);
        if request.operation != ArpOperation::REQUEST || !self.owns(target) || !sender_possible {
            return None;
        }
        let reply = ArpEthIpv4Packet {
            operation: ArpOperation::REPLY,
            sender_mac: self.mac,
            sender_ipv4: request.target_ipv4,
            target_mac: request.sender_mac,
            target_ipv4: request.sender_ipv4,
        };
        Some((request.sender_mac, reply.to_bytes().to_vec()))
    }

    fn answer_ethernet(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let (header, mut payload) = Ethernet2Header::from_slice(frame).ok()?;
        let is_group = |mac: [u8; 6]| mac.first().is_some_and(|octet| octet & 1 == 1);
        if !(header.destination == self.mac || is_group(header.destination)) || is_group(header.source) {
            return None;
        }
        let mut protocol = header.ether_type.0;
        if protocol == ether_type::VLAN {
            let (&[high, low, a, b], rest) = payload.split_first_chunk::<4>()?;
            if u16::from_be_bytes([high, low]) & 0x0fff != 0 {
                return None;
            }
            (protocol, payload) = (u16::from_be_bytes([a, b]), rest);
        }
        let (destination, reply) = match protocol {
            ether_type::IPV4 => (header.source, self.answer_ipv4(payload)?),
            ether_type::IPV6 => match self.answer_ipv6(payload) {
                Some(reply) => (header.source, reply),
                None => self.answer_solicitation(payload, header.source)?,
            },
            ether_type::ARP => self.answer_arp(payload)?,
            _ => return None,
        };
        let header = Ethernet2Header { source: self.mac, destination, ether_type: EtherType(protocol) };
        Some([header.to_bytes().as_slice(), &reply].concat())
    }
}

impl HostStack for EchoHost {
    fn receive(&mut self, frame: FrameRef<'_>, _: Instant, out: &mut dyn FnMut(&[u8])) {
        let reply = match (frame.mode, frame.octets.first().map(|octet| octet >> 4)) {
            (Mode::Tap, _) => self.answer_ethernet(frame.octets),
            (Mode::Tun, Some(4)) => self.answer_ipv4(frame.octets),
            (Mode::Tun, Some(6)) => self.answer_ipv6(frame.octets),
            (Mode::Tun, _) => None,
        };
        if let Some(reply) = reply {
            out(&reply);
        }
    }
}

/// Whether the Internet checksum over octets that contain it is right (RFC 1071).
fn is_zero_sum(octets: &[u8]) -> bool {
    Sum16BitWords::new().add_slice(octets).ones_complement() == 0
}

/// The ICMPv6 message right behind an IPv6 header, with lengths and checksum checked.
fn icmpv6(packet: &[u8]) -> Option<(Ipv6HeaderSlice<'_>, Icmpv6Slice<'_>)> {
    let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
    let message = packet.get(Ipv6Header::LEN..)?.get(..usize::from(header.payload_length()))?;
    let message = Icmpv6Slice::from_slice(message).ok()?;
    let valid =
        header.next_header() == IpNumber::IPV6_ICMP && message.is_checksum_valid(header.source(), header.destination());
    valid.then_some((header, message))
}

/// An IPv6 packet around an ICMPv6 message whose checksum field is zero, with the request's traffic class.
fn build_icmpv6(
    request: &Ipv6HeaderSlice<'_>,
    source: [u8; 16],
    destination: [u8; 16],
    hop_limit: u8,
    mut message: Vec<u8>,
) -> Option<Vec<u8>> {
    let payload_length = u16::try_from(message.len()).ok()?;
    let sum = Sum16BitWords::new()
        .add_16bytes(source)
        .add_16bytes(destination)
        .add_4bytes(u32::from(payload_length).to_be_bytes())
        .add_2bytes([0, IpNumber::IPV6_ICMP.0])
        .add_slice(&message)
        .ones_complement();
    message.get_mut(2..4)?.copy_from_slice(&sum.to_ne_bytes());
    let header = Ipv6Header {
        traffic_class: request.traffic_class(),
        flow_label: Ipv6FlowLabel::ZERO,
        payload_length,
        next_header: IpNumber::IPV6_ICMP,
        hop_limit,
        source,
        destination,
    };
    Some([header.to_bytes().as_slice(), &message].concat())
}

/// The solicited-node group of an address (RFC 4291 section 2.7.1).
fn solicited_node(target: [u8; 16]) -> Ipv6Addr {
    let [.., a, b, c] = target;
    Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c])
}
