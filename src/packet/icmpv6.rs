//! ICMP for IPv6 (RFC 4443), neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, RFC 3810).

use std::fmt;

use super::build::Completing;
use super::checksum::{checksum, transport_checksum};
use super::dissect::{Dissected, LengthError, Next};
use super::field::{Constraint, IntoField};
use super::layer::{Behaviour, Layer, LayerKind, Show, bits, layer};
use super::verify::Defect;
use super::view::View;
use super::{IntoPacket, Packet};

const BEHAVIOUR: Behaviour = Behaviour { fixed: |_| 8, align: 1, dissect, complete, verify, summary };

const UNREACHABLE: u8 = 1;
const PACKET_TOO_BIG: u8 = 2;
const TIME_EXCEEDED: u8 = 3;
const PARAMETER_PROBLEM: u8 = 4;
const ECHO_REQUEST: u8 = 128;
const ECHO_REPLY: u8 = 129;

layer! {
    /// An ICMP message for IPv6, 8 octets and what follows (RFC 4443). Alone it is sent over IPv6.
    Icmpv6, ICMPV6 = Icmpv6 "ICMPv6", BEHAVIOUR;
    /// The type (IANA "ICMPv6 Type Numbers").
    icmp_type: u8 = bits(0, 8).show(Show::Named(TYPES));
    /// The code, whose meaning depends on the type.
    code: u8 = bits(8, 8);
    /// Checksum of the pseudo-header and the whole message.
    checksum: u16 = bits(16, 16).computed().show(Show::Hex(4));
    /// Identifier of an echo message.
    id: u16 = bits(32, 16).when(is_echo);
    /// Sequence number of the same.
    seq: u16 = bits(48, 16).when(is_echo);
    /// The MTU of "packet too big", octets.
    mtu: u32 = bits(32, 32).when(|header| matches!(header, [PACKET_TOO_BIG, ..]));
    /// The octet that a parameter problem is about.
    pointer: u32 = bits(32, 32).when(|header| matches!(header, [PARAMETER_PROBLEM, ..]));
}

const TYPES: &[(u128, &str)] = &[
    (1, "destination unreachable"),
    (2, "packet too big"),
    (3, "time exceeded"),
    (4, "parameter problem"),
    (128, "echo request"),
    (129, "echo reply"),
    (130, "multicast listener query"),
    (131, "multicast listener report"),
    (132, "multicast listener done"),
    (133, "router solicitation"),
    (134, "router advertisement"),
    (135, "neighbor solicitation"),
    (136, "neighbor advertisement"),
    (137, "redirect"),
    (143, "multicast listener report v2"),
];

fn is_echo(header: &[u8]) -> bool {
    matches!(header, [ECHO_REQUEST | ECHO_REPLY, ..])
}

/// The hop limit that the messages of these layers need (RFC 4861: 255, RFC 2710 and RFC 3810: 1).
pub(crate) fn hop_limit(layers: &[Layer]) -> Option<u8> {
    let layer = layers.iter().find(|layer| layer.kind() == LayerKind::Icmpv6)?;
    match layer.get("icmp_type")? {
        Constraint::Exact(133..=137) => Some(255),
        Constraint::Exact(130..=132 | 143) => Some(1),
        _ => None,
    }
}

impl Icmpv6 {
    fn of(icmp_type: u8, code: u8) -> Self {
        Self::new().icmp_type(icmp_type).code(code)
    }

    /// An echo request; both numbers may be patterns.
    pub fn echo_request(id: impl IntoField<u16>, seq: impl IntoField<u16>) -> Self {
        Self::of(ECHO_REQUEST, 0).id(id).seq(seq)
    }

    /// An echo reply; both numbers may be patterns.
    pub fn echo_reply(id: impl IntoField<u16>, seq: impl IntoField<u16>) -> Self {
        Self::of(ECHO_REPLY, 0).id(id).seq(seq)
    }

    /// Destination unreachable, with that code (RFC 4443 section 3.1).
    pub fn unreachable(code: impl IntoField<u8>) -> Self {
        Self::new().icmp_type(UNREACHABLE).code(code)
    }

    /// Port unreachable: code 4.
    pub fn port_unreachable() -> Self {
        Self::of(UNREACHABLE, 4)
    }

    /// Packet too big, with the MTU of the next hop in octets (RFC 4443 section 3.2).
    pub fn packet_too_big(mtu: impl IntoField<u32>) -> Self {
        Self::of(PACKET_TOO_BIG, 0).mtu(mtu)
    }

    /// Hop limit exceeded in transit: code 0.
    pub fn time_exceeded() -> Self {
        Self::of(TIME_EXCEEDED, 0)
    }

    /// Parameter problem with that code, and the octet it is about (RFC 4443 section 3.4).
    pub fn parameter_problem(code: impl IntoField<u8>, pointer: impl IntoField<u32>) -> Self {
        Self::new().icmp_type(PARAMETER_PROBLEM).code(code).pointer(pointer)
    }

    /// The datagram that an error is about: a packet, or octets such as the first 48 of a frame.
    pub fn quoting(self, datagram: impl IntoPacket) -> Packet {
        self / datagram
    }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let Some((&[kind, ..], rest)) = octets.split_first_chunk::<8>() else {
        return Err(LengthError::Truncated { needed: 8 });
    };
    // RFC 4443 section 2.1: errors are those below 128.
    let next = if kind < 128 { Next::quoted(rest) } else { Next::Payload };
    Ok(Dissected { header: 8, length: None, next })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", cx.transport_checksum(58, header));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    let sum = match view.ip {
        Some(ip) if ip.fragment => return,
        Some(ip) => transport_checksum(&ip, 58, view.message()),
        None => checksum(view.message()),
    };
    view.check_sum("checksum", sum, "RFC 4443 section 2.3", defect);
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let &[kind, code, ..] = view.header else { return f.write_str("ICMPv6") };
    f.write_str("ICMPv6 ")?;
    match TYPES.iter().find(|(number, _)| *number == u128::from(kind)) {
        Some((_, name)) => f.write_str(name)?,
        None => write!(f, "type {kind}")?,
    }
    match kind {
        ECHO_REQUEST | ECHO_REPLY => {
            write!(f, " id {} seq {} {} octets", view.number("id"), view.number("seq"), view.content.len())
        }
        UNREACHABLE if code == 4 => f.write_str(" (port)"),
        PACKET_TOO_BIG => write!(f, " mtu {}", view.number("mtu")),
        _ if code != 0 => write!(f, " code {code}"),
        _ => Ok(()),
    }
}
