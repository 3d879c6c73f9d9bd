//! IPv4 in and out (RFC 791, RFC 1122 section 3.2).
//!
//! ```text
//!  0        1        2        3
//!  version·length · service  · total length (2)        the checks are those of ip_rcv() and ip_route_input():
//!  identification (2)        · flags·offset (2)        what fails one is dropped without a word, except
//!  TTL    · protocol         · checksum (2)            options that cannot be read (parameter problem)
//!  source (4)
//!  destination (4)
//!  options (0 to 40)
//! ```

use std::net::{IpAddr, Ipv4Addr};

use super::checksum;
use super::icmp_error::Report;
use super::packet::{Fragmenting, Outgoing, Received, u16_at};
use super::reassembly::{Fragment, Key};
use super::stack::Stack;

const HEADER: usize = 20;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;

/// All systems on this subnet: every host is a member (RFC 1112 section 4).
const ALL_SYSTEMS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// The header's fields that decide something.
struct Header<'a> {
    packet: &'a [u8],
    length: usize,
    service: u8,
    identification: u16,
    fragment: u16,
    ttl: u8,
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
}

impl<'a> Header<'a> {
    /// Reads a header whose lengths and checksum are right; cuts what follows the packet.
    fn read(octets: &'a [u8]) -> Option<Self> {
        let (fixed, _) = octets.split_first_chunk::<HEADER>()?;
        let [version, service, _, _, _, _, _, _, ttl, protocol, _, _, s1, s2, s3, s4, d1, d2, d3, d4] = *fixed;
        let length = usize::from(version & 15) * 4;
        let total = usize::from(u16_at(octets, 2)?);
        if version >> 4 != 4 || length < HEADER || total < length {
            return None;
        }
        let packet = octets.get(..total)?;
        if checksum::internet(packet.get(..length)?) != 0 {
            return None;
        }
        Some(Self {
            packet,
            length,
            service,
            identification: u16_at(octets, 4)?,
            fragment: u16_at(octets, 6)?,
            ttl,
            protocol,
            source: Ipv4Addr::new(s1, s2, s3, s4),
            destination: Ipv4Addr::new(d1, d2, d3, d4),
        })
    }
}

/// What a host makes of the options.
enum Options {
    Fine,
    /// A source route: not accepted (`accept_source_route`).
    Drop,
    /// Cannot be read from that octet of the packet on.
    Problem(u8),
}

fn options(header: &Header<'_>) -> Options {
    let mut at = HEADER;
    let end = header.length;
    while let Some(&kind) = header.packet.get(at).filter(|_| at < end) {
        let length = match (kind, header.packet.get(at + 1)) {
            (0, _) => break,
            (1, _) => 1,
            (_, Some(&length)) if length >= 2 && at + usize::from(length) <= end => usize::from(length),
            _ => return Options::Problem(u8::try_from(at).unwrap_or(0)),
        };
        if matches!(kind, 0x83 | 0x89) {
            return Options::Drop;
        }
        at += length;
    }
    Options::Fine
}

impl Stack {
    /// A packet from a link, or from the host itself.
    pub(super) fn receive_ipv4(&mut self, octets: &[u8], link: Option<usize>, in_group_frame: bool) {
        let Some(header) = Header::read(octets) else { return };
        let (source, destination) = (IpAddr::V4(header.source), IpAddr::V4(header.destination));
        let state = link.and_then(|link| self.links.get(link));
        let is_broadcast = state.is_some_and(|state| state.is_broadcast(destination));
        let to_group = is_broadcast || header.destination == ALL_SYSTEMS;
        let from = header.source;
        // Who has no address yet asks everybody for one.
        let nobody = from.octets().starts_with(&[0]) && !(from.is_unspecified() && is_broadcast);
        let impossible =
            from.is_loopback() || from.is_multicast() || from.is_broadcast() || nobody || self.owns(source);
        let martian = link.is_some() && (impossible || header.destination.is_loopback());
        if martian || !(to_group || self.owns(destination)) {
            return;
        }
        let received = Received {
            link,
            source,
            destination,
            protocol: header.protocol,
            protocol_at: 9,
            traffic_class: header.service,
            hop_limit: header.ttl,
            payload: header.packet.get(header.length..).unwrap_or_default(),
            packet: header.packet,
            to_group,
            in_group_frame,
        };
        match options(&header) {
            Options::Fine => {}
            Options::Drop => return,
            Options::Problem(at) => return self.report(&received, Report::ParameterProblem { code: 0, at: at.into() }),
        }
        let offset = usize::from(header.fragment & 0x1fff) * 8;
        let more = header.fragment & MORE_FRAGMENTS != 0;
        if offset == 0 && !more {
            return self.deliver(&received);
        }
        self.receive_ipv4_fragment(&header, &received, offset, more);
    }

    fn receive_ipv4_fragment(&mut self, header: &Header<'_>, received: &Received<'_>, offset: usize, more: bool) {
        // A fragment that is not the last holds whole units of 8 octets; what is over is cut.
        let units = if more { received.payload.len() & !7 } else { received.payload.len() };
        let payload = received.payload.get(..units).unwrap_or_default();
        if offset + payload.len() + header.length > 65_535 {
            return;
        }
        let key = Key {
            source: received.source,
            destination: received.destination,
            identification: header.identification.into(),
            protocol: header.protocol,
        };
        let fragment = Fragment { offset, more, payload, packet: header.packet, ecn: header.service & 3 };
        let now = self.now;
        let Some(whole) = self.reassembly.add(key, &fragment, now) else { return };
        let Some(packet) = rebuild(&whole.first, &whole.payload, whole.ecn) else { return };
        let Some(header) = Header::read(&packet) else { return };
        self.deliver(&Received {
            traffic_class: header.service,
            hop_limit: header.ttl,
            payload: packet.get(header.length..).unwrap_or_default(),
            packet: &packet,
            ..*received
        });
    }

    /// The packets that carry what is to be sent, none longer than the MTU (unless that is too small for any).
    pub(super) fn build_ipv4(&mut self, outgoing: &Outgoing<'_>, mtu: usize) -> Vec<Vec<u8>> {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (outgoing.source, outgoing.destination) else {
            return Vec::new();
        };
        let identification = match outgoing.fragmenting {
            Fragmenting::Unnumbered => 0,
            Fragmenting::Allowed | Fragmenting::Avoided => {
                self.identification = self.identification.wrapping_add(1);
                self.identification
            }
        };
        let build = |flags: u16, payload: &[u8]| {
            let total = u16::try_from(HEADER + payload.len()).ok()?;
            let mut packet = Vec::with_capacity(usize::from(total));
            packet.extend_from_slice(&[0x45, outgoing.traffic_class]);
            packet.extend_from_slice(&total.to_be_bytes());
            packet.extend_from_slice(&identification.to_be_bytes());
            packet.extend_from_slice(&flags.to_be_bytes());
            packet.extend_from_slice(&[outgoing.hop_limit, outgoing.protocol, 0, 0]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
            let sum = checksum::internet(&packet);
            checksum::put(&mut packet, 10, sum);
            packet.extend_from_slice(payload);
            Some(packet)
        };
        if HEADER + outgoing.payload.len() <= mtu {
            let flags = if outgoing.fragmenting == Fragmenting::Allowed { 0 } else { DONT_FRAGMENT };
            return build(flags, outgoing.payload).into_iter().collect();
        }
        let unit = (mtu.saturating_sub(HEADER) & !7).max(8);
        let pieces = outgoing.payload.chunks(unit);
        let last = pieces.len().saturating_sub(1);
        let fragment = |(index, piece): (usize, &[u8])| {
            let offset = u16::try_from(index * unit / 8).ok().filter(|offset| *offset < 0x2000)?;
            build(if index == last { offset } else { offset | MORE_FRAGMENTS }, piece)
        };
        pieces.enumerate().filter_map(fragment).collect()
    }
}

/// The packet that its first fragment and all its payload make.
fn rebuild(first: &[u8], payload: &[u8], ecn: u8) -> Option<Vec<u8>> {
    let length = usize::from(first.first()? & 15) * 4;
    let total = u16::try_from(length + payload.len()).ok()?;
    let mut packet = first.get(..length)?.to_vec();
    *packet.get_mut(1)? = (first.get(1)? & !3) | ecn;
    packet.get_mut(2..4)?.copy_from_slice(&total.to_be_bytes());
    packet.get_mut(6..8)?.fill(0);
    packet.get_mut(10..12)?.fill(0);
    let sum = checksum::internet(&packet);
    checksum::put(&mut packet, 10, sum);
    packet.extend_from_slice(payload);
    Some(packet)
}
