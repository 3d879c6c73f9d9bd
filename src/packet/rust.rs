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

use super::field::{Constraint, FieldValue};
use super::layer::{At, FieldInfo, Layer, LayerKind, Show};
use super::{Packet, from_frame};
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
        match Packet::from_frame(self).as_rust() {
            Some(expression) => expression,
            None => unreachable!("a frame's template has no predicates"),
        }
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

/// A function that makes a layer with some fields set: what it is called, which it sets to what, and which it takes.
struct Constructor {
    layer: LayerKind,
    name: &'static str,
    fixed: &'static [(&'static str, u128)],
    arguments: &'static [&'static str],
}

const fn constructor(
    layer: LayerKind,
    name: &'static str,
    fixed: &'static [(&'static str, u128)],
    arguments: &'static [&'static str],
) -> Constructor {
    Constructor { layer, name, fixed, arguments }
}

/// The first that fits is taken.
static CONSTRUCTORS: &[Constructor] = &[
    constructor(LayerKind::Arp, "who_has", &[("operation", 1)], &["target"]),
    constructor(LayerKind::Arp, "is_at", &[("operation", 2)], &["sender", "sender_mac"]),
    constructor(LayerKind::Icmpv4, "echo_request", &[("icmp_type", 8), ("code", 0)], &["id", "seq"]),
    constructor(LayerKind::Icmpv4, "echo_reply", &[("icmp_type", 0), ("code", 0)], &["id", "seq"]),
    constructor(LayerKind::Icmpv4, "port_unreachable", &[("icmp_type", 3), ("code", 3)], &[]),
    constructor(LayerKind::Icmpv4, "fragmentation_needed", &[("icmp_type", 3), ("code", 4)], &["mtu"]),
    constructor(LayerKind::Icmpv4, "unreachable", &[("icmp_type", 3)], &["code"]),
    constructor(LayerKind::Icmpv4, "time_exceeded", &[("icmp_type", 11), ("code", 0)], &[]),
    constructor(LayerKind::Icmpv4, "parameter_problem", &[("icmp_type", 12), ("code", 0)], &["pointer"]),
    constructor(LayerKind::Icmpv4, "redirect", &[("icmp_type", 5), ("code", 1)], &["gateway"]),
    constructor(LayerKind::Icmpv6, "echo_request", &[("icmp_type", 128), ("code", 0)], &["id", "seq"]),
    constructor(LayerKind::Icmpv6, "echo_reply", &[("icmp_type", 129), ("code", 0)], &["id", "seq"]),
    constructor(LayerKind::Icmpv6, "port_unreachable", &[("icmp_type", 1), ("code", 4)], &[]),
    constructor(LayerKind::Icmpv6, "unreachable", &[("icmp_type", 1)], &["code"]),
    constructor(LayerKind::Icmpv6, "packet_too_big", &[("icmp_type", 2), ("code", 0)], &["mtu"]),
    constructor(LayerKind::Icmpv6, "time_exceeded", &[("icmp_type", 3), ("code", 0)], &[]),
    constructor(LayerKind::Icmpv6, "parameter_problem", &[("icmp_type", 4)], &["code", "pointer"]),
];

/// Sets what the constructor sets that fits this header, so that the layer is written with it.
pub(super) fn name(layer: &mut Layer, header: &[u8]) {
    let fields = layer.protocol().fields;
    let read = |field: &str| {
        let index = layer.protocol().index(field)?;
        Some((index, fields.get(index)?.read(header)?))
    };
    let fits = |constructor: &&Constructor| {
        let is = |(field, wanted): &(&str, u128)| read(field).is_some_and(|(_, value)| value == (*wanted).into());
        constructor.layer == layer.kind()
            && constructor.fixed.iter().all(is)
            && constructor.arguments.iter().all(|field| read(field).is_some())
    };
    let Some(constructor) = CONSTRUCTORS.iter().find(fits) else { return };
    let fixed = constructor.fixed.iter().map(|(field, _)| *field);
    let values: Vec<_> = fixed.chain(constructor.arguments.iter().copied()).filter_map(read).collect();
    for (index, value) in values {
        from_frame::set(layer, index, Some(value));
    }
}

/// A layer, or the octets of a payload that stands behind something.
fn expression(layer: &Layer, behind: bool) -> Option<String> {
    if let (LayerKind::Payload, true, Some(Constraint::Octets(found))) = (layer.kind(), behind, layer.get("octets")) {
        return Some(octets(found));
    }
    let fits = |constructor: &&Constructor| {
        let is = |(field, wanted): &(&str, u128)| matches!(layer.get(field), Some(Constraint::Exact(bits)) if bits == wanted);
        constructor.layer == layer.kind()
            && constructor.fixed.iter().all(is)
            && constructor.arguments.iter().all(|field| layer.get(field).is_some())
    };
    let constructor = CONSTRUCTORS.iter().find(fits);
    let name = constructor.map_or("new", |constructor| constructor.name);
    let mut arguments = Vec::new();
    for field in constructor.map_or(&[][..], |constructor| constructor.arguments) {
        let index = layer.protocol().index(field)?;
        arguments.push(constraint(layer.protocol().fields.get(index)?, layer.get(field)?)?);
    }
    let mut text = format!("{}::{name}({})", layer.protocol().rust, arguments.join(", "));
    let done = |field: &str| {
        constructor.is_some_and(|constructor| {
            constructor.arguments.contains(&field) || constructor.fixed.iter().any(|(fixed, _)| *fixed == field)
        })
    };
    let mut rest = layer.constraints().filter(|(_, info, _)| !done(info.name)).peekable();
    while let Some((_, info, wanted)) = rest.next() {
        let value = constraint(info, wanted)?;
        let _ = match (info.name, wanted, rest.peek()) {
            _ if matches!(info.at, At::Option { .. }) => match info.at {
                At::Option { kind, .. } => write!(text, ".option({kind}, {value})"),
                _ => Ok(()),
            },
            ("timestamp_value", _, Some((_, echo, wanted))) if echo.name == "timestamp_echo" => {
                let echo = constraint(echo, wanted)?;
                let _ = rest.next();
                write!(text, ".timestamps({value}, {echo})")
            }
            ("sack_permitted_kind", Constraint::Exact(4), _) => write!(text, ".sack_permitted()"),
            ("sack_blocks", Constraint::Octets(blocks), _) if blocks.len() % 8 == 0 && !blocks.is_empty() => {
                write!(text, ".sack([{}])", sack(blocks))
            }
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

/// What stands between a setter's parentheses.
fn constraint(info: &FieldInfo, wanted: &Constraint) -> Option<String> {
    let typed = |bits: u128| typed(info, bits);
    Some(match wanted {
        Constraint::Exact(bits) => number(info, *bits),
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
        Constraint::Octets(_) if matches!(info.show, Show::Name | Show::Addresses) => return None,
        Constraint::Octets(found) => octets(found),
        Constraint::Absent => "Field::absent()".to_owned(),
        Constraint::Satisfies { .. } | Constraint::OctetsSatisfy { .. } | Constraint::Parts(_) => return None,
    })
}

/// A single value in its shortest form, which a setter takes.
fn number(info: &FieldInfo, bits: u128) -> String {
    match info.show {
        Show::Ipv4 => format!("{:?}", Ipv4Addr::from_bits(u32::from_bits(bits)).octets()),
        Show::Ipv6 => {
            let segments = Ipv6Addr::from_bits(bits).segments();
            let digits = segments
                .map(|segment| if segment < 10 { segment.to_string() } else { format!("{segment:#x}") })
                .join(", ");
            format!("[{digits}]")
        }
        Show::Hex(digits) => format!("{bits:#0width$x}", width = digits + 2),
        _ => typed(info, bits),
    }
}

/// A value of the field's own type, for ranges, alternatives and masks.
fn typed(info: &FieldInfo, bits: u128) -> String {
    match info.show {
        Show::Ipv4 => {
            let [a, b, c, d] = Ipv4Addr::from_bits(u32::from_bits(bits)).octets();
            format!("std::net::Ipv4Addr::new({a}, {b}, {c}, {d})")
        }
        Show::Ipv6 => {
            let segments = Ipv6Addr::from_bits(bits).segments();
            format!("std::net::Ipv6Addr::new({})", segments.map(|segment| format!("{segment:#x}")).join(", "))
        }
        Show::Mac => {
            let mac: [u8; 6] = FieldValue::from_bits(bits);
            format!("[{}]", mac.map(|octet| format!("{octet:#04x}")).join(", "))
        }
        Show::Hex(_) if info.name == "ether_type" => format!("tuntap_test::codec::EtherType({bits:#06x})"),
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
