//! The IP packet with the echo request in it: taking it apart, checking it, writing the reply.
//!
//! Nothing here allocates, and no octets make it panic.

use std::net::{IpAddr, Ipv4Addr};

use etherparse::checksum::Sum16BitWords;
use etherparse::{EtherType, IpNumber, Ipv4HeaderSlice, Ipv6ExtensionSlice, Ipv6HeaderSlice, Ipv6Slice};

use super::{EchoReply, IcmpEcho};
use crate::packet::updated_checksum;

/// ICMP types (RFC 792 page 14, RFC 4443 section 4).
const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// The octets of a header without options.
const IPV4_HEADER_LEN: u16 = 20;

/// "Don't fragment" in octet 6 of an IPv4 header.
const DONT_FRAGMENT: u8 = 0x40;

#[derive(Clone)]
enum Header<'a> {
    V4(Ipv4HeaderSlice<'a>),
    V6(Ipv6HeaderSlice<'a>),
}

/// The first 8 octets of an echo message.
#[derive(Clone, Copy)]
struct Echo {
    code: u8,
    checksum: u16,
    identifier: u16,
    sequence: u16,
}

/// An echo request in an unfragmented packet between two hosts.
pub(super) struct EchoRequest<'a> {
    header: Header<'a>,
    /// The ICMP message, to the end that the IP header gives it.
    message: &'a [u8],
    echo: Echo,
    data: &'a [u8],
}

impl<'a> EchoRequest<'a> {
    /// Everything but the checksums of the message, which cost a pass over the data: see
    /// [`is_intact`](Self::is_intact).
    pub(super) fn parse(packet: &'a [u8]) -> Option<Self> {
        let (header, message, request_type) = match packet.first()? >> 4 {
            4 => {
                let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
                (Header::V4(header), ipv4_message(packet)?, ECHO_REQUEST_V4)
            }
            6 => {
                let header = Ipv6HeaderSlice::from_slice(packet).ok()?;
                (Header::V6(header), ipv6_message(packet)?, ECHO_REQUEST_V6)
            }
            _ => return None,
        };
        let (&[kind, code, c0, c1, i0, i1, s0, s1], data) = message.split_first_chunk()?;
        let echo = Echo {
            code,
            checksum: u16::from_be_bytes([c0, c1]),
            identifier: u16::from_be_bytes([i0, i1]),
            sequence: u16::from_be_bytes([s0, s1]),
        };
        (kind == request_type).then_some(Self { header, message, echo, data })
    }

    pub(super) const fn ether_type(&self) -> EtherType {
        match self.header {
            Header::V4(_) => EtherType::IPV4,
            Header::V6(_) => EtherType::IPV6,
        }
    }

    pub(super) fn requested(&self) -> IpAddr {
        match &self.header {
            Header::V4(header) => header.destination_addr().into(),
            Header::V6(header) => header.destination_addr().into(),
        }
    }

    fn requester(&self) -> IpAddr {
        match &self.header {
            Header::V4(header) => header.source_addr().into(),
            Header::V6(header) => header.source_addr().into(),
        }
    }

    pub(super) fn describe(&self) -> EchoReply {
        EchoReply {
            requester: self.requester(),
            requested: self.requested(),
            identifier: self.echo.identifier,
            sequence: self.echo.sequence,
            data_len: self.data.len(),
        }
    }

    /// Whether the ICMP checksum is right: over the message, and with IPv6 over the pseudo-header too (RFC 8200
    /// section 8.1).
    pub(super) fn is_intact(&self) -> bool {
        let sum = match &self.header {
            Header::V4(_) => Sum16BitWords::new(),
            Header::V6(header) => {
                // The message is shorter than 65,536 octets: its length came out of a 16-bit field.
                let Ok(length) = u32::try_from(self.message.len()) else {
                    return false;
                };
                Sum16BitWords::new()
                    .add_16bytes(header.source())
                    .add_16bytes(header.destination())
                    .add_4bytes(length.to_be_bytes())
                    .add_4bytes([0, 0, 0, IpNumber::IPV6_ICMP.0])
            }
        };
        sum.add_slice(self.message).ones_complement() == 0
    }

    /// Appends the reply's IP packet.
    pub(super) fn write_reply(&self, reply: &mut Vec<u8>) {
        let Ok(message_len) = u16::try_from(self.message.len()) else {
            return;
        };
        let reply_type = match &self.header {
            Header::V4(header) => {
                // Not beyond 65,535: the request's header was no shorter.
                reply.extend_from_slice(&ipv4_header(header, IPV4_HEADER_LEN.saturating_add(message_len)));
                ECHO_REPLY_V4
            }
            Header::V6(header) => {
                reply.extend_from_slice(&ipv6_header(header, message_len));
                ECHO_REPLY_V6
            }
        };
        let Echo { code, identifier, sequence, .. } = self.echo;
        let [c0, c1] = self.reply_checksum().to_be_bytes();
        let [i0, i1] = identifier.to_be_bytes();
        let [s0, s1] = sequence.to_be_bytes();
        reply.extend_from_slice(&[reply_type, code, c0, c1, i0, i1, s0, s1]);
        reply.extend_from_slice(self.data);
    }

    /// The checksum of the reply's message, from the request's, which is right (RFC 1624 equation 3). Only the type
    /// changes: to swap addresses in the pseudo-header does not change their sum.
    fn reply_checksum(&self) -> u16 {
        let (before, after) = match self.header {
            Header::V4(_) => (ECHO_REQUEST_V4, ECHO_REPLY_V4),
            Header::V6(_) => (ECHO_REQUEST_V6, ECHO_REPLY_V6),
        };
        let word = |kind| u16::from_be_bytes([kind, self.echo.code]);
        let checksum = updated_checksum(self.echo.checksum, word(before), word(after));
        // One's complement has two zeros. The sum over nothing but zeros is the other one, so its complement is 0xffff.
        let only_zeros = || {
            matches!(self.header, Header::V4(_))
                && self.echo.code == 0
                && self.message.get(4..).unwrap_or_default().iter().all(|&octet| octet == 0)
        };
        if checksum == 0 && only_zeros() { 0xffff } else { checksum }
    }
}

fn ipv4_header(request: &Ipv4HeaderSlice<'_>, total_len: u16) -> [u8; 20] {
    let [l0, l1] = total_len.to_be_bytes();
    let [i0, i1] = request.identification().to_be_bytes();
    let tos = request.slice().get(1).copied().unwrap_or_default();
    let flags = if request.dont_fragment() { DONT_FRAGMENT } else { 0 };
    let [s0, s1, s2, s3] = request.destination();
    let [d0, d1, d2, d3] = request.source();
    let mut header =
        [0x45, tos, l0, l1, i0, i1, flags, 0, IcmpEcho::TTL, IpNumber::ICMP.0, 0, 0, s0, s1, s2, s3, d0, d1, d2, d3];
    // etherparse sums words as they lie in memory, so the octets of the result lie in network order.
    [header[10], header[11]] = Sum16BitWords::new().add_slice(&header).ones_complement().to_ne_bytes();
    header
}

fn ipv6_header(request: &Ipv6HeaderSlice<'_>, payload_len: u16) -> [u8; 40] {
    let mut header = [0; 40];
    let (fixed, addresses) = header.split_at_mut(8);
    let (source, destination) = addresses.split_at_mut(16);
    let [l0, l1] = payload_len.to_be_bytes();
    let class = request.traffic_class();
    // A flow label is the sender's own (RFC 6437 section 2); 0 is none.
    fixed.copy_from_slice(&[0x60 | class >> 4, class << 4, 0, 0, l0, l1, IpNumber::IPV6_ICMP.0, IcmpEcho::TTL]);
    source.copy_from_slice(&request.destination());
    destination.copy_from_slice(&request.source());
    header
}

/// The ICMP message of an IPv4 packet that is whole, intact and between two hosts.
fn ipv4_message(packet: &[u8]) -> Option<&[u8]> {
    let header = Ipv4HeaderSlice::from_slice(packet).ok()?;
    let answerable = header.protocol() == IpNumber::ICMP
        && !header.is_fragmenting_payload()
        && is_host(header.source_addr())
        && is_host(header.destination_addr())
        && Sum16BitWords::new().add_slice(header.slice()).ones_complement() == 0
        && ipv4_options_allow_reply(header.options());
    if !answerable {
        return None;
    }
    packet.get(header.slice().len()..usize::from(header.total_len()))
}

/// Whether an IPv4 address can be one host's (RFC 1122 section 3.2.1.3).
const fn is_host(address: Ipv4Addr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast()
}

/// Whether the options (RFC 791 section 3.1) are well formed and hold no source route, whose reply would have to be
/// routed back the same way (RFC 1122 section 3.2.2.6).
fn ipv4_options_allow_reply(mut options: &[u8]) -> bool {
    const END: u8 = 0;
    const NO_OPERATION: u8 = 1;
    const LOOSE_SOURCE_ROUTE: u8 = 131;
    const STRICT_SOURCE_ROUTE: u8 = 137;
    loop {
        options = match *options {
            [] | [END, ..] => return true,
            [NO_OPERATION, ref rest @ ..] => rest,
            [LOOSE_SOURCE_ROUTE | STRICT_SOURCE_ROUTE, ..] => return false,
            [_, length, ..] if length >= 2 => match options.get(usize::from(length)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        };
    }
}

/// The ICMP message of an IPv6 packet that is whole and between two hosts.
fn ipv6_message(packet: &[u8]) -> Option<&[u8]> {
    let packet = Ipv6Slice::from_slice(packet).ok()?;
    let header = packet.header();
    let (source, destination) = (header.source_addr(), header.destination_addr());
    let answerable = packet.payload().ip_number == IpNumber::IPV6_ICMP
        // Zero means a jumbogram, or nothing; etherparse takes it for "to the end of the slice".
        && header.payload_length() != 0
        && ![source, destination].iter().any(|address| address.is_unspecified() || address.is_multicast())
        && packet.extensions().clone().into_iter().all(|extension| extension_allows_reply(&extension));
    answerable.then_some(packet.payload().payload)
}

/// Whether a host reads on behind this extension header (RFC 8200 section 4).
fn extension_allows_reply(extension: &Ipv6ExtensionSlice<'_>) -> bool {
    match extension {
        Ipv6ExtensionSlice::HopByHop(options) | Ipv6ExtensionSlice::DestinationOptions(options) => {
            ipv6_options_allow_reply(options.payload())
        }
        // Type, segments left: zero segments left means that the packet has arrived (section 4.4).
        Ipv6ExtensionSlice::Routing(routing) => matches!(routing.payload(), [_, 0, ..]),
        // An atomic fragment is a whole packet (RFC 6946).
        Ipv6ExtensionSlice::Fragment(fragment) => !fragment.is_fragmenting_payload(),
        // Nobody here has the key.
        Ipv6ExtensionSlice::Authentication(_) => false,
    }
}

/// Whether the options are well formed and none of them, not being known, asks for the packet to be discarded: that is
/// what the two highest bits of its type say when they are not 00 (RFC 8200 section 4.2).
fn ipv6_options_allow_reply(mut options: &[u8]) -> bool {
    const PAD_1: u8 = 0;
    const ACTION: u8 = 0xc0;
    loop {
        options = match *options {
            [] => return true,
            [PAD_1, ref rest @ ..] => rest,
            [kind, length, ref rest @ ..] if kind & ACTION == 0 => match rest.get(usize::from(length)..) {
                Some(rest) => rest,
                None => return false,
            },
            _ => return false,
        };
    }
}
