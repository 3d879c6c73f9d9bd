//! ICMP for IPv4 (RFC 792).
//!
//! ```text
//!   0      1      2          4        5        6               8
//!  +------+------+----------+--------+--------+---------------+---- - -
//!  | type | code | checksum | id              | seq           | data, or three times   echo, timestamp
//!  |      |      |          | unused | length | mtu           | the quoted datagram,   unreachable
//!  |      |      |          | unused | length | unused_2      | a nested packet        time exceeded
//!  |      |      |          | pointer| length | unused_2      |                        parameter problem
//!  |      |      |          | gateway                         |                        redirect
//!  |      |      |          | rest                            | data                   any other
//!  +------+------+----------+--------+--------+---------------+---- - -
//! ```

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::icmpv4::TimestampMessage;

use super::build::Completing;
use super::checksum::checksum;
use super::dissect::{Dissected, LengthError, Next};
use super::field::FieldValue;
use super::layer::{Behaviour, Show, bits, layer};
use super::verify::Defect;
use super::view::View;
use super::{IntoField, IntoPacket, Packet};

const BEHAVIOUR: Behaviour = Behaviour { fixed, align: 1, dissect, complete, verify, summary };

const ECHO_REPLY: u8 = 0;
const UNREACHABLE: u8 = 3;
const REDIRECT: u8 = 5;
const ECHO_REQUEST: u8 = 8;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
const TIMESTAMP_REQUEST: u8 = 13;
const TIMESTAMP_REPLY: u8 = 14;

layer! {
    /// An ICMP message for IPv4, 8 octets and what follows (RFC 792). Alone it is sent over IPv4.
    ///
    /// An error quotes the datagram that it is about. Stack that on it, or give it to [`quoting`](Self::quoting): in a
    /// template it is compared like any layer, but nobody searches it and nobody verifies it, since it may be cut.
    ///
    /// ```
    /// use tuntap_test::packet::{Icmpv4, Ipv4, Udp};
    ///
    /// let echo = Icmpv4::echo_request(7, 1) / b"hello";
    /// let error = Icmpv4::port_unreachable() / Ipv4::new() / Udp::new().dport(53);
    /// assert_eq!(echo.build()?.len(), 20 + 8 + 5);
    /// # let _ = error;
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    Icmpv4, ICMPV4 = Icmpv4 "ICMPv4", BEHAVIOUR;
    /// The type (IANA "ICMP Type Numbers").
    icmp_type: u8 = bits(0, 8).show(Show::Named(TYPES));
    /// The code, whose meaning depends on the type.
    code: u8 = bits(8, 8);
    /// Checksum of the whole message.
    checksum: u16 = bits(16, 16).computed().show(Show::Hex(4));
    /// Identifier of an echo, timestamp, information or address mask message.
    id: u16 = bits(32, 16).when(is_query);
    /// Sequence number of the same.
    seq: u16 = bits(48, 16).when(is_query);
    /// When the request was sent, in milliseconds since midnight, universal time.
    originate_timestamp: u32 = bits(64, 32).when(is_timestamp);
    /// When the request was received.
    receive_timestamp: u32 = bits(96, 32).when(is_timestamp);
    /// When the reply was sent.
    transmit_timestamp: u32 = bits(128, 32).when(is_timestamp);
    /// An octet that "unreachable" and "time exceeded" do not use.
    unused: u8 = bits(32, 8).when(|header| matches!(header, [UNREACHABLE | TIME_EXCEEDED, ..]));
    /// The octet that a parameter problem is about.
    pointer: u8 = bits(32, 8).when(|header| matches!(header, [PARAMETER_PROBLEM, ..]));
    /// Words of 4 octets that the quoted datagram takes when extensions follow it, 0 when none do (RFC 4884 section
    /// 4.1).
    length: u8 =
        bits(40, 8).when(|header| matches!(header, [UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM, ..]));
    /// The MTU of the next hop, in "fragmentation needed" (RFC 1191 section 4), octets.
    mtu: u16 = bits(48, 16).when(|header| matches!(header, [UNREACHABLE, ..]));
    /// Two octets that "time exceeded" and parameter problems do not use.
    unused_2: u16 = bits(48, 16).when(|header| matches!(header, [TIME_EXCEEDED | PARAMETER_PROBLEM, ..]));
    /// The better gateway of a redirect.
    gateway: Ipv4Addr = bits(32, 32).show(Show::Ipv4).when(|header| matches!(header, [REDIRECT, ..]));
    /// The second four octets of the other types, whatever they make of them.
    rest: u32 = bits(32, 32).show(Show::Hex(8)).when(is_no_other);
}

const TYPES: &[(u128, &str)] = &[
    (0, "echo reply"),
    (3, "destination unreachable"),
    (4, "source quench"),
    (5, "redirect"),
    (8, "echo request"),
    (9, "router advertisement"),
    (10, "router solicitation"),
    (11, "time exceeded"),
    (12, "parameter problem"),
    (13, "timestamp request"),
    (14, "timestamp reply"),
];

fn is_query(header: &[u8]) -> bool {
    matches!(header, [ECHO_REPLY | ECHO_REQUEST | TIMESTAMP_REQUEST..=18, ..])
}

fn is_timestamp(header: &[u8]) -> bool {
    matches!(header, [TIMESTAMP_REQUEST | TIMESTAMP_REPLY, ..])
}

/// The second four octets belong to none of the fields above.
fn is_no_other(header: &[u8]) -> bool {
    !is_query(header) && !matches!(header, [UNREACHABLE | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM, ..])
}

fn fixed(header: &[u8]) -> usize {
    if is_timestamp(header) { TimestampMessage::LEN } else { 8 }
}

/// Errors (RFC 1122 section 3.2.2): they quote a datagram, and no error is sent about them.
pub(crate) const fn is_error(kind: u8) -> bool {
    matches!(kind, UNREACHABLE | 4 | REDIRECT | TIME_EXCEEDED | PARAMETER_PROBLEM)
}

impl Icmpv4 {
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

    /// Destination unreachable, with that code (IANA "Type 3 — Destination Unreachable").
    pub fn unreachable(code: impl IntoField<u8>) -> Self {
        Self::new().icmp_type(UNREACHABLE).code(code)
    }

    /// Port unreachable: code 3.
    pub fn port_unreachable() -> Self {
        Self::of(UNREACHABLE, 3)
    }

    /// Fragmentation needed and DF set: code 4, with the MTU of the next hop in octets (RFC 1191).
    pub fn fragmentation_needed(mtu: impl IntoField<u16>) -> Self {
        Self::of(UNREACHABLE, 4).mtu(mtu)
    }

    /// Time to live exceeded in transit: code 0.
    pub fn time_exceeded() -> Self {
        Self::of(TIME_EXCEEDED, 0)
    }

    /// Parameter problem: code 0, and the octet it is about.
    pub fn parameter_problem(pointer: impl IntoField<u8>) -> Self {
        Self::of(PARAMETER_PROBLEM, 0).pointer(pointer)
    }

    /// Redirect for the host: code 1, with the better gateway.
    pub fn redirect(gateway: impl IntoField<Ipv4Addr>) -> Self {
        Self::of(REDIRECT, 1).gateway(gateway)
    }

    /// A timestamp request: the receiver tells its time. All are patterns, or values in milliseconds since midnight,
    /// universal time.
    pub fn timestamp_request(
        id: impl IntoField<u16>,
        seq: impl IntoField<u16>,
        originate: impl IntoField<u32>,
    ) -> Self {
        Self::of(TIMESTAMP_REQUEST, 0).id(id).seq(seq).originate_timestamp(originate)
    }

    /// A timestamp reply, which repeats the request's time.
    pub fn timestamp_reply(id: impl IntoField<u16>, seq: impl IntoField<u16>, originate: impl IntoField<u32>) -> Self {
        Self::of(TIMESTAMP_REPLY, 0).id(id).seq(seq).originate_timestamp(originate)
    }

    /// The datagram that an error is about: a packet, or octets such as the first 28 of a frame.
    pub fn quoting(self, datagram: impl IntoPacket) -> Packet {
        self / datagram
    }
}

fn dissect(octets: &[u8]) -> Result<Dissected, LengthError> {
    let needed = fixed(octets);
    let (&[kind, ..], Some(rest)) = (octets, octets.get(needed..)) else {
        return Err(LengthError::Truncated { needed });
    };
    let next = if is_error(kind) { Next::quoted(rest) } else { Next::Payload };
    Ok(Dissected { header: needed, length: None, next })
}

fn complete(header: &mut Vec<u8>, cx: &Completing<'_>) {
    if !cx.is_set("checksum") {
        cx.write(header, "checksum", checksum(&[header.as_slice(), cx.content].concat()));
    }
}

fn verify(view: &View<'_>, defect: &mut dyn FnMut(Defect)) {
    if view.ip.is_none_or(|ip| !ip.fragment) {
        view.check_sum("checksum", checksum(view.message()), "RFC 792", defect);
    }
}

fn summary(view: &View<'_>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let &[kind, code, ..] = view.header else { return f.write_str("ICMPv4") };
    f.write_str("ICMPv4 ")?;
    match TYPES.iter().find(|(number, _)| *number == u128::from(kind)) {
        Some((_, name)) => f.write_str(name)?,
        None => write!(f, "type {kind}")?,
    }
    match kind {
        ECHO_REPLY | ECHO_REQUEST => {
            write!(f, " id {} seq {} {} octets", view.number("id"), view.number("seq"), view.content.len())
        }
        TIMESTAMP_REQUEST | TIMESTAMP_REPLY => {
            write!(
                f,
                " id {} seq {} at {}",
                view.number("id"),
                view.number("seq"),
                view.number("originate_timestamp")
            )?;
            if kind == TIMESTAMP_REPLY {
                let (received, sent) = (view.number("receive_timestamp"), view.number("transmit_timestamp"));
                write!(f, " received {received} sent {sent}")?;
            }
            Ok(())
        }
        REDIRECT => write!(f, " code {code} to {}", Ipv4Addr::from_bits(u32::from_bits(view.number("gateway")))),
        PARAMETER_PROBLEM => write!(f, " code {code} at octet {}", view.number("pointer")),
        UNREACHABLE if code == 3 => f.write_str(" (port)"),
        UNREACHABLE if code == 4 => write!(f, " (fragmentation needed, mtu {})", view.number("mtu")),
        _ if code != 0 => write!(f, " code {code}"),
        _ => Ok(()),
    }
}
