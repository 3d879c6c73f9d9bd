//! ICMP errors, out and in (RFC 792, RFC 1122 section 3.2.2, RFC 4443 section 2.4).
//!
//! ```text
//!  type · code · checksum · 4 octets more · the packet that is in error: in at most 576 octets all told, IPv6 1280
//! ```

use std::net::{IpAddr, SocketAddr};

use super::checksum;
use super::ipv6;
use super::packet::{Fragmenting, Outgoing, Received, protocol, u16_at, u32_at};
use super::stack::Stack;
use crate::errno::Errno;

/// What is told to a sender.
#[derive(Clone, Copy)]
pub(super) enum Report {
    PortUnreachable,
    /// IPv4 only.
    ProtocolUnreachable,
    ReassemblyTimeExceeded,
    /// A neighbour that does not answer.
    HostUnreachable,
    /// The octet of the packet that is wrong.
    ParameterProblem {
        code: u8,
        at: u32,
    },
}

impl Report {
    /// Type and code on IPv4.
    const fn v4(self) -> (u8, u8) {
        match self {
            Self::HostUnreachable => (3, 1),
            Self::ProtocolUnreachable => (3, 2),
            Self::PortUnreachable => (3, 3),
            Self::ReassemblyTimeExceeded => (11, 1),
            Self::ParameterProblem { code, .. } => (12, code),
        }
    }

    /// Type and code on IPv6.
    const fn v6(self) -> (u8, u8) {
        match self {
            Self::HostUnreachable => (1, 3),
            Self::PortUnreachable | Self::ProtocolUnreachable => (1, 4),
            Self::ReassemblyTimeExceeded => (3, 1),
            Self::ParameterProblem { code, .. } => (4, code),
        }
    }

    const fn rest(self, is_v4: bool) -> [u8; 4] {
        match self {
            // On IPv4 the pointer has one octet.
            Self::ParameterProblem { at, .. } if is_v4 => at.wrapping_shl(24).to_be_bytes(),
            Self::ParameterProblem { at, .. } => at.to_be_bytes(),
            _ => [0; 4],
        }
    }
}

/// What a packet that was sent ran into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    pub(super) errno: Errno,
    /// Whether a connected UDP socket hears of it.
    pub(super) hard: bool,
}

/// `icmp_err_convert` and its neighbours; `None` for what nobody hears of.
const fn trouble_v4(kind: u8, code: u8) -> Option<Trouble> {
    let (errno, hard) = match (kind, code) {
        (3, 0 | 11) => (Errno::NetworkUnreachable, false),
        (3, 1 | 12) => (Errno::HostUnreachable, false),
        (3, 2) => (Errno::NoProtocol, true),
        (3, 3) => (Errno::ConnectionRefused, true),
        (3, 4) => (Errno::MessageSize, true),
        (3, 5) => (Errno::NotSupported, false),
        (3, 6 | 9) => (Errno::NetworkUnreachable, true),
        (3, 7) => (Errno::HostDown, true),
        (3, 8) => (Errno::NoNetwork, true),
        (3, _) => (Errno::HostUnreachable, true),
        (11, _) => (Errno::HostUnreachable, false),
        (12, _) => (Errno::Protocol, true),
        _ => return None,
    };
    Some(Trouble { errno, hard })
}

const fn trouble_v6(kind: u8, code: u8) -> Option<Trouble> {
    let (errno, hard) = match (kind, code) {
        (1, 0) => (Errno::NetworkUnreachable, false),
        (1, 1 | 5 | 6) => (Errno::Access, true),
        (1, 4) => (Errno::ConnectionRefused, true),
        (1, _) | (3, _) => (Errno::HostUnreachable, false),
        (2, _) => (Errno::MessageSize, true),
        (4, _) => (Errno::Protocol, true),
        _ => return None,
    };
    Some(Trouble { errno, hard })
}

/// Whether a packet is itself an ICMP error, or of no known kind of ICMP, or a later fragment: no error answers it.
fn is_never_reported(packet: &[u8]) -> bool {
    if packet.first().is_some_and(|version| version >> 4 == 4) {
        let at = packet.first().map_or(0, |first| usize::from(first & 15) * 4);
        let later = u16_at(packet, 6).is_some_and(|field| field & 0x1fff != 0);
        let is_icmp = packet.get(9) == Some(&protocol::ICMPV4);
        later || (is_icmp && !matches!(packet.get(at), Some(0 | 8..=10 | 13..=18)))
    } else {
        let (number, at) = ipv6::upper(packet);
        number == Some(protocol::ICMPV6) && packet.get(at).is_none_or(|kind| *kind < 128)
    }
}

impl Stack {
    /// Tells the sender of a packet what is wrong with it, unless that would be wrong itself.
    pub(super) fn report(&mut self, received: &Received<'_>, report: Report) {
        let is_possible = received.is_for_us_alone() && !received.source.is_unspecified();
        if is_possible && !is_never_reported(received.packet) {
            let (from, to) = (received.destination, received.source);
            self.send_error(from, to, received.packet, received.traffic_class, report);
        }
    }

    /// Tells the host itself that a packet of its own found no neighbour.
    pub(super) fn report_to_itself(&mut self, packet: &[u8]) {
        let source = match packet.first().map(|octet| octet >> 4) {
            Some(4) => u32_at(packet, 12).map(|bits| IpAddr::V4(bits.into())),
            _ => packet.get(8..).and_then(|rest| rest.first_chunk::<16>()).map(|octets| IpAddr::from(*octets)),
        };
        if let Some(source) = source.filter(|_| !is_never_reported(packet)) {
            self.send_error(source, source, packet, 0, Report::HostUnreachable);
        }
    }

    fn send_error(&mut self, source: IpAddr, destination: IpAddr, packet: &[u8], traffic_class: u8, report: Report) {
        let is_v4 = source.is_ipv4();
        let number = if is_v4 { protocol::ICMPV4 } else { protocol::ICMPV6 };
        let (most, header) = if is_v4 { (576, 20) } else { (1280, 40) };
        // On IPv4 never in fragments: less is quoted where less fits.
        let mtu = self.way_to(destination, Some(source)).map_or(most, |way| self.mtu_of(way));
        let quoted = packet.get(..most.min(mtu) - header - 8).unwrap_or(packet);
        let (kind, code) = if is_v4 { report.v4() } else { report.v6() };
        let mut message = [[kind, code, 0, 0].as_slice(), &report.rest(is_v4), quoted].concat();
        let sum = match is_v4 {
            true => checksum::internet(&message),
            false => checksum::transport(source, destination, number, &message),
        };
        checksum::put(&mut message, 2, sum);
        // Precedence "internetwork control" (RFC 1812 section 4.3.2.5).
        let traffic_class = if is_v4 { 0xc0 | traffic_class & 0x1e } else { 0 };
        // Without a route the sender is not told.
        let _ = self.send(&Outgoing {
            source,
            destination,
            protocol: number,
            traffic_class,
            hop_limit: self.hop_limit,
            fragmenting: Fragmenting::Allowed,
            payload: &message,
        });
    }

    /// An ICMP error from somebody: tells the socket whose packet it quotes. The message's checksum was right.
    pub(super) fn receive_error(&mut self, received: &Received<'_>) {
        let is_v4 = received.source.is_ipv4();
        let &[kind, code, _, _, _, _, _, _, ref quote @ ..] = received.payload else { return };
        let trouble = if is_v4 { trouble_v4(kind, code) } else { trouble_v6(kind, code) };
        let (Some(trouble), Some(quoted)) = (trouble, Quoted::read(quote, is_v4)) else { return };
        if !self.owns(quoted.source) || !received.is_for_us_alone() {
            return;
        }
        let port = |at| u16_at(quoted.payload, at).unwrap_or(0);
        let local = SocketAddr::new(quoted.source, port(0));
        let remote = SocketAddr::new(quoted.destination, port(2));
        match quoted.protocol {
            protocol::UDP => self.udp_error(local, remote, trouble),
            protocol::TCP => {
                if let Some(sequence) = u32_at(quoted.payload, 4) {
                    self.tcp_error(local, remote, sequence, trouble);
                }
            }
            protocol::ICMPV4 | protocol::ICMPV6 => self.ping_error(received, quoted.payload, (kind, code)),
            _ => {}
        }
    }
}

/// What an error quotes: the packet's header and at least 8 octets of what follows.
struct Quoted<'a> {
    protocol: u8,
    source: IpAddr,
    destination: IpAddr,
    payload: &'a [u8],
}

impl<'a> Quoted<'a> {
    fn read(quote: &'a [u8], is_v4: bool) -> Option<Self> {
        let first = *quote.first()?;
        let address = |at: usize| -> Option<IpAddr> {
            if is_v4 {
                quote.get(at..)?.first_chunk::<4>().map(|&octets| IpAddr::from(octets))
            } else {
                quote.get(at..)?.first_chunk::<16>().map(|&octets| IpAddr::from(octets))
            }
        };
        let (length, number, source, destination) = match (is_v4, first >> 4) {
            (true, 4) => (usize::from(first & 15) * 4, 9, address(12)?, address(16)?),
            (false, 6) => (40, 6, address(8)?, address(24)?),
            _ => return None,
        };
        let payload = quote.get(length.max(20)..).filter(|payload| payload.len() >= 8)?;
        Some(Self { protocol: *quote.get(number)?, source, destination, payload })
    }
}

/// A first fragment whose others did not come, as what an error is told about.
pub(super) fn fragment(packet: &[u8]) -> Option<Received<'_>> {
    let is_v4 = packet.first()? >> 4 == 4;
    let quoted = Quoted::read(packet, is_v4)?;
    Some(Received {
        link: None,
        source: quoted.source,
        destination: quoted.destination,
        // Behind IPv6 stands the fragment header: what it holds is not looked at.
        protocol: quoted.protocol,
        protocol_at: 0,
        traffic_class: if is_v4 { *packet.get(1)? } else { 0 },
        hop_limit: 0,
        payload: quoted.payload,
        packet,
        to_group: false,
        in_group_frame: false,
    })
}
