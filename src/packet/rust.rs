//! A template as the Rust expression that makes it again.
//!
//! Layer: `packet`. For reports, and for captures that become tests: what is printed is meant to be pasted below
//! `use tuntap_test::packet::*;` and read.
//!
//! ```text
//!  Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Icmpv4::echo_reply(7, 1) / b"hello"
//! ```

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Packet;
use super::constructors::Constructor;
use super::field::{Constraint, FieldValue, Value};
use super::layer::{At, FieldInfo, Layer, LayerKind, Show};
use crate::device::FrameRef;

impl FrameRef<'_> {
    /// The Rust expression that builds the frame again, with `use tuntap_test::packet::*;` around it. Total on any
    /// octets; see [`Packet::from_frame`].
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::*;
    ///
    /// let octets = (Ipv4::new().id(7) / Tcp::new().sport(81).dport(40000).rst().ack(101)).build()?;
    /// assert_eq!(
    ///     FrameRef::new(Mode::Tun, &octets).as_rust(),
    ///     "Ipv4::new().src([192, 0, 2, 2]).dst([192, 0, 2, 1]).id(7) / \
    ///      Tcp::new().sport(81).dport(40000).acknowledgement(101).flags(TcpFlags::RST | TcpFlags::ACK)"
    /// );
    /// # Ok::<(), BuildError>(())
    /// ```
    #[must_use]
    pub fn as_rust(self) -> String {
        // A frame's template has no predicates; its octets are an expression in any case.
        let octets = || format!("Payload::new().octets({})", octets(self.octets));
        Packet::from_frame(self).as_rust().unwrap_or_else(octets)
    }
}

impl Packet {
    /// The Rust expression that makes this template again, with `use tuntap_test::packet::*;` around it: ranges,
    /// alternatives and masks included. What [`on_match`](Self::on_match) calls is left out.
    ///
    /// `None` where a field must satisfy a predicate ([`such_that`](super::such_that)): a closure has no source to
    /// print, and an expression without it would match more.
    ///
    /// ```
    /// use tuntap_test::packet::*;
    ///
    /// let packet = Ipv4::new().ttl(1..=64) / Udp::new().dport([53, 5353]);
    /// assert_eq!(packet.as_rust().as_deref(), Some("Ipv4::new().ttl(1..=64) / Udp::new().dport([53, 5353])"));
    /// assert_eq!(Udp::new().dport(such_that("odd", |port: u16| port % 2 == 1)).into_packet().as_rust(), None);
    /// ```
    #[must_use]
    pub fn as_rust(&self) -> Option<String> {
        let mut layers = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate() {
            layers.push(expression(layer, number > 0)?);
        }
        let mut text = match &*layers {
            [] => "Packet::any()".to_owned(),
            [layer] if self.trailer.is_empty() => layer.clone(),
            [layer] => format!("{layer}.into_packet()"),
            _ if self.trailer.is_empty() && self.verified => layers.join(" / "),
            _ => format!("({})", layers.join(" / ")),
        };
        if !self.trailer.is_empty() {
            let _ = write!(text, ".trailer({})", octets(&self.trailer));
        }
        if !self.verified {
            text.push_str(".unverified()");
        }
        Some(text)
    }
}

/// Whether the layer can be written as Rust.
pub(super) fn is_printed(layer: &Layer) -> bool {
    expression(layer, true).is_some()
}

/// The call that makes a field want what it is: `.dport(53)`. `None` where no call says it in a few octets.
pub(super) fn setter(info: &FieldInfo, value: Value<'_>) -> Option<String> {
    let value = match value {
        Value::Bits(bits) => short(info.show, bits),
        Value::Octets(found) if found.len() <= 24 => constraint(info, &Constraint::Octets(found.into()))?,
        Value::Octets(_) | Value::Parts(_) => return None,
    };
    Some(match info.at {
        At::Option { kind, .. } => format!(".option({kind}, {value})"),
        _ => format!(".{}({value})", info.name),
    })
}

/// A layer, or the octets of a payload that stands behind something.
fn expression(layer: &Layer, behind: bool) -> Option<String> {
    if let (LayerKind::Payload, true, Some(Constraint::Octets(found))) = (layer.kind(), behind, layer.get("octets")) {
        return Some(octets(found));
    }
    let constructor = Constructor::of(layer);
    let name = constructor.map_or("new", |constructor| constructor.name);
    let mut arguments = Vec::new();
    for field in constructor.map_or(&[][..], |constructor| constructor.arguments) {
        let index = layer.protocol().index(field)?;
        arguments.push(constraint(layer.protocol().fields.get(index)?, layer.get(field)?)?);
    }
    let mut text = format!("{}::{name}({})", layer.protocol().rust, arguments.join(", "));
    let done = |field: &str, wanted: &Constraint| constructor.is_some_and(|made| made.sets(field, wanted));
    let mut rest = layer.constraints().filter(|(_, info, wanted)| !done(info.name, wanted)).peekable();
    while let Some((_, info, wanted)) = rest.next() {
        let value = constraint(info, wanted)?;
        if let At::Option { kind, .. } = info.at {
            let _ = write!(text, ".option({kind}, {value})");
            continue;
        }
        let _ = match (info.name, wanted, rest.peek()) {
            ("timestamp_value", _, Some((_, echo, wanted))) if echo.name == "timestamp_echo" => {
                let echo = constraint(echo, wanted)?;
                let _ = rest.next();
                write!(text, ".timestamps({value}, {echo})")
            }
            ("sack_permitted_kind", Constraint::Exact(4), _) => write!(text, ".sack_permitted()"),
            ("sack_blocks", Constraint::Octets(blocks), _) if blocks.len() % 8 == 0 && !blocks.is_empty() => {
                write!(text, ".sack([{}])", sack(blocks))
            }
            ("source_list", Constraint::Octets(found), _) if found.len() % address(layer.kind()) == 0 => {
                write!(text, ".sources([{}])", addresses(layer.kind(), found))
            }
            ("records" | "mld_records", Constraint::Octets(found), _) => match records(layer.kind(), found) {
                Some(calls) => text.write_str(&calls),
                None => write!(text, ".{}({value})", info.name),
            },
            _ => write!(text, ".{}({value})", info.name),
        };
    }
    Some(text)
}

/// Left and right edge of each block.
fn sack(blocks: &[u8]) -> String {
    let edge = |octets: &[u8]| octets.iter().fold(0_u32, |edge, octet| edge << 8 | u32::from(*octet));
    let pairs = blocks.chunks(8).map(|block| {
        let (left, right) = block.split_at_checked(4).unwrap_or((block, &[]));
        format!("({}, {})", edge(left), edge(right))
    });
    pairs.collect::<Vec<_>>().join(", ")
}

/// Octets of an address in the group messages of that protocol.
const fn address(kind: LayerKind) -> usize {
    if matches!(kind, LayerKind::Icmpv6) { 16 } else { 4 }
}

fn group_show(kind: LayerKind) -> Show {
    if address(kind) == 16 { Show::Ipv6 } else { Show::Ipv4 }
}

/// Addresses one behind the other, each of its own type.
fn addresses(kind: LayerKind, octets: &[u8]) -> String {
    let show = group_show(kind);
    let one = |octets: &[u8]| typed_as(show, octets.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet)));
    octets.chunks(address(kind)).map(one).collect::<Vec<_>>().join(", ")
}

/// Group records as a call for each; `None` where they are more, or less, than calls make.
fn records(kind: LayerKind, octets: &[u8]) -> Option<String> {
    let (mut text, mut rest) = (String::new(), octets);
    while let [record_type, auxiliary, high, low, behind @ ..] = rest {
        let sources = usize::from(u16::from_be_bytes([*high, *low])) * address(kind);
        let (group, behind) = behind.split_at_checked(address(kind)).filter(|_| *auxiliary == 0)?;
        let (sources, behind) = behind.split_at_checked(sources)?;
        let group = group.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet));
        let (group, sources) = (short(group_show(kind), group), addresses(kind, sources));
        let _ = write!(text, ".record({record_type}, {group}, [{sources}])");
        rest = behind;
    }
    (rest.is_empty() && !text.is_empty()).then_some(text)
}

/// What stands between a setter's parentheses.
fn constraint(info: &FieldInfo, wanted: &Constraint) -> Option<String> {
    let typed = |bits: u128| typed(info, bits);
    Some(match wanted {
        Constraint::Exact(bits) => short(info.show, *bits),
        Constraint::Range(low, high) if *high == u128::MAX && !matches!(info.show, Show::Ipv6) => {
            format!("{}..", typed(*low))
        }
        Constraint::Range(low, high) => format!("{}..={}", typed(*low), typed(*high)),
        Constraint::OneOf(choice) => {
            format!("[{}]", choice.iter().map(|bits| typed(*bits)).collect::<Vec<_>>().join(", "))
        }
        Constraint::Masked { mask, value } => match info.show {
            Show::TcpFlags if *mask != 0 => flag_mask(*value, *mask & !*value),
            _ => format!("Field::masked({}, {})", typed(*value), typed(*mask)),
        },
        #[cfg(feature = "dns")]
        Constraint::Octets(found) if matches!(info.show, Show::Name) => {
            let text = super::dns_name::Presented(found).to_string();
            let same = text.parse::<super::DomainName>().is_ok_and(|name| name.octets() == &**found);
            return same.then(|| format!("{text:?}"));
        }
        Constraint::Octets(found) if matches!(info.show, Show::Addresses) => {
            let all = addresses(LayerKind::Ipv4, found);
            return (found.len() % 4 == 0).then(|| format!("[{all}]"));
        }
        Constraint::Octets(found) => octets(found),
        Constraint::Absent => "Field::absent()".to_owned(),
        Constraint::Satisfies { .. } | Constraint::OctetsSatisfy { .. } | Constraint::Parts(_) => return None,
    })
}

/// A single value in its shortest form, which a setter takes.
fn short(show: Show, bits: u128) -> String {
    match show {
        Show::Ipv4 => format!("{:?}", Ipv4Addr::from_bits(u32::from_bits(bits)).octets()),
        Show::Ipv6 => format!("[{}]", segments(bits)),
        _ => typed_as(show, bits),
    }
}

fn segments(bits: u128) -> String {
    let digits = |segment: u16| if segment < 10 { segment.to_string() } else { format!("{segment:#x}") };
    Ipv6Addr::from_bits(bits).segments().map(digits).join(", ")
}

/// A value of the field's own type, for ranges, alternatives and masks.
fn typed(info: &FieldInfo, bits: u128) -> String {
    match info.name {
        "ether_type" => format!("tuntap_test::codec::EtherType({bits:#06x})"),
        "question_type" => format!("RecordType({bits})"),
        _ => typed_as(info.show, bits),
    }
}

fn typed_as(show: Show, bits: u128) -> String {
    match show {
        Show::Ipv4 => {
            let [a, b, c, d] = Ipv4Addr::from_bits(u32::from_bits(bits)).octets();
            format!("std::net::Ipv4Addr::new({a}, {b}, {c}, {d})")
        }
        Show::Ipv6 => format!("std::net::Ipv6Addr::new({})", segments(bits)),
        Show::Mac => {
            let mac: [u8; 6] = FieldValue::from_bits(bits);
            format!("[{}]", mac.map(|octet| format!("{octet:#04x}")).join(", "))
        }
        Show::Hex(digits) => format!("{bits:#0width$x}", width = digits + 2),
        Show::Bool => (bits & 1 == 1).to_string(),
        Show::TcpFlags => flags(bits),
        Show::Decimal
        | Show::Named(_)
        | Show::Octets
        | Show::Padded(_)
        | Show::PaddedOptions
        | Show::Name
        | Show::Addresses => bits.to_string(),
    }
}

const FLAGS: [&str; 8] = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];

/// The names of the flags that are set.
fn flag_names(bits: u128) -> Vec<String> {
    let set = FLAGS.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    set.map(|(_, name)| format!("TcpFlags::{name}")).collect()
}

fn flags(bits: u128) -> String {
    if bits & 0xff == 0 { "TcpFlags(0)".to_owned() } else { flag_names(bits).join(" | ") }
}

/// Flags that must be set and flags that must be clear, of which there is at least one.
fn flag_mask(set: u128, clear: u128) -> String {
    let (mut parts, clear) = (flag_names(set), flag_names(clear));
    let masks = parts.len() + clear.len();
    parts.extend(clear.into_iter().map(|name| format!("!{name}")));
    match &*parts {
        [only] if masks == 1 && !only.starts_with('!') => format!("TcpFlagMask::from({only})"),
        _ => parts.join(" & "),
    }
}

/// Octets as a byte string, or as an array of so many where all are the same.
fn octets(octets: &[u8]) -> String {
    match octets {
        [0, rest @ ..] if rest.len() >= 3 && rest.iter().all(|octet| *octet == 0) => format!("[0; {}]", octets.len()),
        [first, rest @ ..] if rest.len() >= 15 && rest.iter().all(|octet| octet == first) => {
            format!("[{first:#04x}; {}]", octets.len())
        }
        _ => format!("b\"{}\"", octets.escape_ascii()),
    }
}
