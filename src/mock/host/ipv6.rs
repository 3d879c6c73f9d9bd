//! IPv6 in and out (RFC 8200).
//!
//! ```text
//!  0        1        2        3
//!  version · class  · flow label                        then a chain of extension headers, each with the number of
//!  payload length (2)       · next header · hop limit   the next in its first octet. The host reads over hop-by-hop
//!  source (16)                                          options, destination options, routing headers that are used
//!  destination (16)                                     up, and fragment headers.
//! ```

use std::net::{IpAddr, Ipv6Addr};

use super::icmp_error::Report;
use super::packet::{Outgoing, Received, protocol, u16_at, u32_at};
use super::random::hash;
use super::reassembly::{Fragment, Key};
use super::route::solicited_node;
use super::stack::Stack;

pub(super) const HEADER: usize = 40;
const FRAGMENT_HEADER: usize = 8;
/// Fragments in fragments in fragments: so many levels are put together, and no more.
const MOST_NESTED: u8 = 4;

/// Where the chain of headers led.
enum Chain {
    /// To a protocol: the octet that names it, and where it begins.
    Upper { number: u8, named_at: usize, at: usize },
    /// To a fragment header, named at that octet.
    Fragment { named_at: usize, at: usize },
    /// To something that the sender is told of.
    Problem { code: u8, at: usize },
    /// To something that is dropped without a word.
    Nowhere,
}

impl Stack {
    /// A packet from a link, or from the host itself.
    pub(super) fn receive_ipv6(&mut self, octets: &[u8], link: Option<usize>, in_group_frame: bool) {
        let Some(fixed) = octets.first_chunk::<HEADER>() else { return };
        let Some(length) = u16_at(octets, 4).map(usize::from) else { return };
        let Some(packet) = octets.get(..HEADER + length) else { return };
        let (Some(word), Some(&hop_limit)) = (u16_at(octets, 0), fixed.get(7)) else { return };
        let [_, addresses @ ..] = fixed.as_chunks::<8>().0 else { return };
        let &[s1, s2, d1, d2] = addresses else { return };
        let join = |high: [u8; 8], low: [u8; 8]| {
            Ipv6Addr::from_bits(u128::from(u64::from_be_bytes(high)) << 64 | u128::from(u64::from_be_bytes(low)))
        };
        let (from, to) = (join(s1, s2), join(d1, d2));
        let (source, destination) = (IpAddr::V6(from), IpAddr::V6(to));
        let enabled = link.and_then(|link| self.links.get(link)).is_none_or(|link| link.carries(destination));
        let martian = link.is_some() && (from.is_loopback() || to.is_loopback() || self.owns(source));
        let to_group = to == Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1) || self.is_solicited_node(to);
        let ours = to_group || self.owns(destination);
        if word >> 12 != 6 || !enabled || martian || from.is_multicast() || !ours {
            return;
        }
        let received = Received {
            link,
            source,
            destination,
            protocol: protocol::NO_NEXT_HEADER,
            protocol_at: 6,
            traffic_class: u8::try_from((word >> 4) & 0xff).unwrap_or(0),
            hop_limit,
            payload: &[],
            packet,
            to_group,
            in_group_frame,
        };
        self.follow(&received, 0);
    }

    fn is_solicited_node(&self, group: Ipv6Addr) -> bool {
        let of = |address| matches!(address, IpAddr::V6(own) if solicited_node(own) == group);
        self.links.iter().any(|link| link.own().any(|own| of(own.address())))
    }

    /// Reads the chain of headers, and gives on what it led to; `depth` counts the fragmentations around it.
    fn follow(&mut self, received: &Received<'_>, depth: u8) {
        match chain(received.packet) {
            Chain::Upper { number, named_at, at } => {
                let payload = received.packet.get(at..).unwrap_or_default();
                self.deliver(&Received { protocol: number, protocol_at: named_at, payload, ..*received });
            }
            Chain::Fragment { at, .. } if depth < MOST_NESTED => self.receive_ipv6_fragment(received, at, depth),
            Chain::Fragment { .. } | Chain::Nowhere => {}
            Chain::Problem { code, at } => {
                let at = u32::try_from(at).unwrap_or(0);
                self.report(received, Report::ParameterProblem { code, at });
            }
        }
    }

    fn receive_ipv6_fragment(&mut self, received: &Received<'_>, at: usize, depth: u8) {
        let packet = received.packet;
        let (Some(field), Some(identification)) = (u16_at(packet, at + 2), u32_at(packet, at + 4)) else { return };
        let payload = packet.get(at + FRAGMENT_HEADER..).unwrap_or_default();
        let (offset, more) = (usize::from(field & !7), field & 1 == 1);
        if more && !payload.len().is_multiple_of(8) {
            return self.report(received, Report::ParameterProblem { code: 0, at: 4 });
        }
        if offset + payload.len() > 65_535 {
            let at = u32::try_from(at + 2).unwrap_or(0);
            return self.report(received, Report::ParameterProblem { code: 0, at });
        }
        let (source, destination) = (received.source, received.destination);
        let key = Key { source, destination, identification, protocol: 0 };
        let fragment = Fragment { offset, more, payload, packet, ecn: received.traffic_class & 3 };
        let now = self.now;
        let Some(whole) = self.reassembly.add(key, &fragment, now) else { return };
        let Some(packet) = rebuild(&whole.first, &whole.payload) else { return };
        self.follow(&Received { packet: &packet, ..*received }, depth + 1);
    }

    /// The packets that carry what is to be sent, none longer than the MTU.
    pub(super) fn build_ipv6(&mut self, outgoing: &Outgoing<'_>, mtu: usize) -> Vec<Vec<u8>> {
        let (IpAddr::V6(source), IpAddr::V6(destination)) = (outgoing.source, outgoing.destination) else {
            return Vec::new();
        };
        let label = self.flow_label(outgoing);
        let build = |number: u8, extension: &[u8], payload: &[u8]| {
            let length = u16::try_from(extension.len() + payload.len()).ok()?;
            let word = 6 << 28 | u32::from(outgoing.traffic_class) << 20 | label;
            let mut packet = Vec::with_capacity(HEADER + usize::from(length));
            packet.extend_from_slice(&word.to_be_bytes());
            packet.extend_from_slice(&length.to_be_bytes());
            packet.extend_from_slice(&[number, outgoing.hop_limit]);
            packet.extend_from_slice(&source.octets());
            packet.extend_from_slice(&destination.octets());
            packet.extend_from_slice(extension);
            packet.extend_from_slice(payload);
            Some(packet)
        };
        if HEADER + outgoing.payload.len() <= mtu {
            return build(outgoing.protocol, &[], outgoing.payload).into_iter().collect();
        }
        let identification = self.random.next_u32().to_be_bytes();
        let unit = (mtu.saturating_sub(HEADER + FRAGMENT_HEADER) & !7).max(8);
        let pieces = outgoing.payload.chunks(unit);
        let last = pieces.len().saturating_sub(1);
        let fragment = |(index, piece): (usize, &[u8])| {
            let field = u16::try_from(index * unit).ok()? | u16::from(index != last);
            let head = [[outgoing.protocol, 0], field.to_be_bytes()].concat();
            build(protocol::FRAGMENT, &[head.as_slice(), &identification].concat(), piece)
        };
        pieces.enumerate().filter_map(fragment).collect()
    }

    /// A label for each flow, as `auto_flowlabels` has it; neighbour discovery has none.
    fn flow_label(&self, outgoing: &Outgoing<'_>) -> u32 {
        let first = |number: usize| outgoing.payload.get(..number).unwrap_or_default();
        let ports = match outgoing.protocol {
            protocol::ICMPV6 if matches!(first(1), [133..=137]) => return 0,
            protocol::TCP | protocol::UDP => first(4),
            _ => &[],
        };
        let octets = |address| match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        let flow = octets(outgoing.source).into_iter().chain(octets(outgoing.destination)).chain([outgoing.protocol]);
        u32::try_from(hash(self.seed, flow.chain(ports.iter().copied())) & 0xf_ffff).unwrap_or(0)
    }
}

/// The whole packet out of the first fragment's headers, without its fragment header, and all payload.
fn rebuild(first: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
    let Chain::Fragment { named_at, at } = chain(first) else { return None };
    let mut packet = first.get(..at)?.to_vec();
    *packet.get_mut(named_at)? = *first.get(at)?;
    packet.extend_from_slice(payload);
    let length = u16::try_from(packet.len().checked_sub(HEADER)?).ok()?;
    packet.get_mut(4..6)?.copy_from_slice(&length.to_be_bytes());
    Some(packet)
}

/// Follows the next headers to the first that is not one of IP's own.
fn chain(packet: &[u8]) -> Chain {
    let (mut named_at, mut at) = (6, HEADER);
    loop {
        let Some(&number) = packet.get(named_at) else { return Chain::Nowhere };
        let problem = |code, at| Chain::Problem { code, at };
        match number {
            // Only right behind the IPv6 header.
            protocol::HOP_BY_HOP if at != HEADER => return problem(1, named_at),
            protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS | protocol::ROUTING => {
                let Some(length) = packet.get(at + 1).map(|units| usize::from(*units) * 8 + 8) else {
                    return Chain::Nowhere;
                };
                let Some(header) = packet.get(at..at + length) else { return Chain::Nowhere };
                if number == protocol::ROUTING {
                    if header.get(3).is_none_or(|segments_left| *segments_left != 0) {
                        return problem(0, at + 2);
                    }
                } else {
                    match options(header) {
                        Ok(()) => {}
                        Err(Unknown::Dropped) => return Chain::Nowhere,
                        Err(Unknown::Reported(offset)) => return problem(2, at + offset),
                    }
                }
                (named_at, at) = (at, at + length);
            }
            protocol::FRAGMENT => {
                let Some(field) = u16_at(packet, at + 2).filter(|_| packet.len() >= at + FRAGMENT_HEADER) else {
                    return Chain::Nowhere;
                };
                if field & !6 != 0 {
                    return Chain::Fragment { named_at, at };
                }
                // An atomic fragment (RFC 6946) is whole.
                (named_at, at) = (at, at + FRAGMENT_HEADER);
            }
            protocol::NO_NEXT_HEADER => return Chain::Nowhere,
            _ => return Chain::Upper { number, named_at, at },
        }
    }
}

enum Unknown {
    Dropped,
    /// The option at that octet of the header.
    Reported(usize),
}

/// Reads options; the two high bits of one that nobody knows say what becomes of the packet (RFC 8200 section 4.2).
fn options(header: &[u8]) -> Result<(), Unknown> {
    let mut at = 2;
    while let Some(&kind) = header.get(at) {
        let length = match (kind, header.get(at + 1)) {
            (0, _) => 1,
            (_, Some(&length)) if at + 2 + usize::from(length) <= header.len() => usize::from(length) + 2,
            _ => return Err(Unknown::Dropped),
        };
        match (kind, kind >> 6) {
            // Padding, router alert, and what may be skipped.
            (0 | 1 | 5, _) | (_, 0) => {}
            (_, 1) => return Err(Unknown::Dropped),
            _ => return Err(Unknown::Reported(at)),
        }
        at += length;
    }
    Ok(())
}

/// The protocol that a packet carries in the end, as far as headers can be read over, and where that begins.
pub(super) fn upper(packet: &[u8]) -> (Option<u8>, usize) {
    let (mut number, mut at) = (packet.get(6).copied(), HEADER);
    loop {
        let length = match number {
            Some(protocol::HOP_BY_HOP | protocol::DESTINATION_OPTIONS | protocol::ROUTING) => {
                packet.get(at + 1).map_or(8, |units| usize::from(*units) * 8 + 8)
            }
            Some(protocol::FRAGMENT) if u16_at(packet, at + 2).is_some_and(|field| field & !7 == 0) => FRAGMENT_HEADER,
            _ => return (number, at),
        };
        (number, at) = (packet.get(at).copied(), at + length);
    }
}
