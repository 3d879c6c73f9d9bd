//! A template as the Rust expression that makes it again.
//!
//! Layer: `packet`. For reports, and for captures that become tests: what is printed is meant to be pasted below
//! `use tuntap_test::packet::*;` and read.
//!
//! ```text
//!  Ipv4::new().src([192, 0, 2, 1]).dst([192, 0, 2, 2]) / Icmpv4::echo_reply(7, 1) / b"hello"
//! ```

use std::fmt::{self, Write as _};
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
            layers.push(layer.expression(number > 0, &as_it_is)?.to_string());
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

/// Whether the layer can be written as Rust: whether [`Layer::expression`] is some, without the text.
pub(super) fn is_printed(layer: &Layer) -> bool {
    layer.constraints().all(|(_, info, wanted)| is_said(info, wanted))
}

/// How a field's value is written where it is not written as it is: a variable, a constant.
pub(crate) type Say<'a> = dyn Fn(&FieldInfo, &Constraint) -> Option<String> + 'a;

const fn as_it_is(_: &FieldInfo, _: &Constraint) -> Option<String> {
    None
}

/// A layer as Rust: what makes it, and the calls that set its fields.
#[derive(Clone, Debug)]
pub(crate) struct Expression {
    /// `Udp::new()`
    pub(crate) start: String,
    /// `.dport(53)`
    pub(crate) calls: Vec<String>,
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start)?;
        self.calls.iter().try_for_each(|call| f.write_str(call))
    }
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

impl Layer {
    /// The layer, or the octets of a payload that stands behind something. `None` where it cannot be written.
    pub(crate) fn expression(&self, behind: bool, say: &Say<'_>) -> Option<Expression> {
        let protocol = self.protocol();
        let value = |info: &FieldInfo, wanted: &Constraint| say(info, wanted).or_else(|| constraint(info, wanted));
        if let (LayerKind::Payload, true, Some(wanted @ Constraint::Octets(_))) =
            (self.kind(), behind, self.get("octets"))
        {
            return Some(Expression { start: value(protocol.fields.first()?, wanted)?, calls: Vec::new() });
        }
        let constructor = Constructor::of(self);
        let name = constructor.map_or("new", |constructor| constructor.name);
        let mut arguments = Vec::new();
        for field in constructor.map_or(&[][..], |constructor| constructor.arguments) {
            let index = protocol.index(field)?;
            arguments.push(value(protocol.fields.get(index)?, self.get(field)?)?);
        }
        let start = format!("{}::{name}({})", protocol.rust, arguments.join(", "));
        let done = |field: &str, wanted: &Constraint| constructor.is_some_and(|made| made.sets(field, wanted));
        let mut rest = self.constraints().filter(|(_, info, wanted)| !done(info.name, wanted)).peekable();
        let mut calls = Vec::new();
        while let Some((_, info, wanted)) = rest.next() {
            let said = say(info, wanted);
            let is_said = said.is_some();
            let value = said.or_else(|| constraint(info, wanted))?;
            if let At::Option { kind, .. } = info.at {
                calls.push(format!(".option({kind}, {value})"));
                continue;
            }
            let named = if is_said { None } else { call(self.kind(), info, wanted) };
            match (info.name, rest.peek()) {
                ("timestamp_value", Some((_, echo, wanted))) if echo.name == "timestamp_echo" => {
                    let echo = say(echo, wanted).or_else(|| constraint(echo, wanted))?;
                    let _ = rest.next();
                    calls.push(format!(".timestamps({value}, {echo})"));
                }
                _ => match named {
                    Some(named) => calls.extend(named),
                    None => calls.push(format!(".{}({value})", info.name)),
                },
            }
        }
        Some(Expression { start, calls })
    }
}

/// What sets the field by a better name than its own.
fn call(kind: LayerKind, info: &FieldInfo, wanted: &Constraint) -> Option<Vec<String>> {
    Some(match (info.name, wanted) {
        ("sack_permitted_kind", Constraint::Exact(4)) => vec![".sack_permitted()".to_owned()],
        ("sack_blocks", Constraint::Octets(blocks)) if blocks.len() % 8 == 0 && !blocks.is_empty() => {
            vec![format!(".sack([{}])", sack(blocks))]
        }
        ("source_list", Constraint::Octets(found)) if found.len() % address(kind) == 0 => {
            vec![format!(".sources([{}])", addresses(kind, found))]
        }
        ("records" | "mld_records", Constraint::Octets(found)) => records(kind, found)?,
        _ => return None,
    })
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
fn records(kind: LayerKind, octets: &[u8]) -> Option<Vec<String>> {
    let (mut calls, mut rest) = (Vec::new(), octets);
    while let [record_type, auxiliary, high, low, behind @ ..] = rest {
        let sources = usize::from(u16::from_be_bytes([*high, *low])) * address(kind);
        let (group, behind) = behind.split_at_checked(address(kind)).filter(|_| *auxiliary == 0)?;
        let (sources, behind) = behind.split_at_checked(sources)?;
        let group = group.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet));
        let (group, sources) = (short(group_show(kind), group), addresses(kind, sources));
        calls.push(format!(".record({record_type}, {group}, [{sources}])"));
        rest = behind;
    }
    (rest.is_empty() && !calls.is_empty()).then_some(calls)
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
            return name(found).map(|text| format!("{text:?}"));
        }
        Constraint::Octets(found) if matches!(info.show, Show::Addresses) => {
            return are_addresses(found).then(|| format!("[{}]", addresses(LayerKind::Ipv4, found)));
        }
        Constraint::Octets(found) => octets(found),
        Constraint::Absent => "Field::absent()".to_owned(),
        Constraint::Satisfies { .. } | Constraint::OctetsSatisfy { .. } | Constraint::Parts(_) => return None,
    })
}

/// Whether [`constraint`] is some.
fn is_said(info: &FieldInfo, wanted: &Constraint) -> bool {
    match wanted {
        #[cfg(feature = "dns")]
        Constraint::Octets(found) if matches!(info.show, Show::Name) => name(found).is_some(),
        Constraint::Octets(found) if matches!(info.show, Show::Addresses) => are_addresses(found),
        Constraint::Satisfies { .. } | Constraint::OctetsSatisfy { .. } | Constraint::Parts(_) => false,
        _ => true,
    }
}

/// A domain name as text, where that text says those octets.
#[cfg(feature = "dns")]
fn name(octets: &[u8]) -> Option<String> {
    let text = super::dns_name::Presented(octets).to_string();
    let same = text.parse::<super::DomainName>().is_ok_and(|name| name.octets() == octets);
    same.then_some(text)
}

const fn are_addresses(octets: &[u8]) -> bool {
    octets.len().is_multiple_of(4)
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

pub(crate) fn flags(bits: u128) -> String {
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
pub(crate) fn octets(octets: &[u8]) -> String {
    match octets {
        [0, rest @ ..] if rest.len() >= 3 && rest.iter().all(|octet| *octet == 0) => format!("[0; {}]", octets.len()),
        [first, rest @ ..] if rest.len() >= 15 && rest.iter().all(|octet| octet == first) => {
            format!("[{first:#04x}; {}]", octets.len())
        }
        _ => format!("b\"{}\"", octets.escape_ascii()),
    }
}

#[cfg(all(test, feature = "dns", feature = "dhcp"))]
mod tests {
    use super::super::{Dhcp, Dns, Icmpv4, IntoPacket, Ipv4, Tcp, Udp, such_that};
    use super::*;

    #[test]
    fn what_is_said_is_what_has_an_expression() {
        let odd = such_that("odd", |number: u16| number % 2 == 1);
        let packets = [
            Ipv4::new().ttl(1..=64) / Udp::new().dport(odd.clone()),
            Icmpv4::echo_request(odd, 1) / b"hi",
            Ipv4::new() / Tcp::new().syn().mss(1460).timestamps(1, 2) / b"",
            Dns::new().qr(true).into_packet(),
            Dhcp::discover().into_packet(),
        ];
        let mut unsaid = 0;
        for layer in packets.iter().flat_map(Packet::layers) {
            let is_some = layer.expression(true, &as_it_is).is_some();
            assert_eq!(is_printed(layer), is_some, "{layer:?}");
            unsaid += usize::from(!is_some);
        }
        assert_eq!(unsaid, 2);
    }
}
