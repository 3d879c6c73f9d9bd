//! Values, constraints, templates and whole frames as text for people.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::Packet;
use super::dissect::Dissection;
use super::ethernet::Mac;
use super::field::{Constraint, FieldValue, Value};
use super::layer::{At, FieldInfo, Layer, LayerKind, Show};
use super::options;
use super::tcp::{Letters, TcpFlags};
use crate::device::FrameRef;

/// The octets of a value that are shown.
const MOST_OCTETS: usize = 24;

/// A number as its field writes it.
pub(crate) fn number(show: Show, bits: u128) -> String {
    match show {
        Show::Decimal | Show::Octets | Show::Padded(_) | Show::PaddedOptions | Show::Name | Show::Addresses => {
            bits.to_string()
        }
        Show::Hex(digits) => format!("0x{bits:0digits$x}"),
        Show::Bool => if bits == 0 { "no" } else { "yes" }.to_owned(),
        Show::Ipv4 => Ipv4Addr::from_bits(u32::from_bits(bits)).to_string(),
        Show::Ipv6 => Ipv6Addr::from_bits(bits).to_string(),
        Show::Mac => Mac(bits).to_string(),
        Show::Named(names) => match names.iter().find(|(number, _)| *number == bits) {
            Some((_, name)) => format!("{bits} ({name})"),
            None => bits.to_string(),
        },
        Show::TcpFlags => Letters(TcpFlags::from_bits(bits)).to_string(),
    }
}

/// Octets as text where they are, else in hexadecimal; long ones cut.
pub(crate) fn octets(octets: &[u8]) -> String {
    let start = octets.get(..MOST_OCTETS).unwrap_or(octets);
    let more = if octets.len() > start.len() { format!("… {} octets", octets.len()) } else { String::new() };
    match std::str::from_utf8(start) {
        Ok(text) if is_text(start) => format!("{text:?}{more}"),
        _ if octets.is_empty() => "nothing".to_owned(),
        _ => hex(start) + &more,
    }
}

/// Whether octets read well as text: printable ASCII, and some.
pub(crate) fn is_text(octets: &[u8]) -> bool {
    !octets.is_empty() && octets.iter().all(|octet| matches!(octet, b' '..=b'~' | b'\n' | b'\r' | b'\t'))
}

/// In hexadecimal, in groups of four.
pub(crate) fn hex(octets: &[u8]) -> String {
    let mut text = String::with_capacity(octets.len() * 5 / 2);
    for (at, octet) in octets.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            text.push(' ');
        }
        text.extend(digits(*octet));
    }
    text
}

/// The two hexadecimal digits of an octet. (Formatting each octet takes many times as long.)
fn digits(octet: u8) -> [char; 2] {
    [octet >> 4, octet & 0xf].map(|digit| char::from(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }))
}

/// A value as its field writes it.
pub(crate) fn value(info: &FieldInfo, value: Option<Value<'_>>) -> String {
    match value {
        None => "absent".to_owned(),
        Some(Value::Bits(bits)) => number(info.show, bits),
        Some(Value::Octets(found)) => shown(info.show, found),
        Some(Value::Parts(parts)) => {
            let mut text = String::new();
            if let At::Parts { show, .. } = info.at {
                let _ = show(parts, &mut text);
            }
            text
        }
    }
}

/// Octets as their field writes them.
fn shown(show: Show, found: &[u8]) -> String {
    match show {
        #[cfg(feature = "dns")]
        Show::Name => super::dns_name::Presented(found).to_string(),
        Show::Addresses if !found.is_empty() && found.len().is_multiple_of(4) => {
            let addresses = found.chunks(4).map(|octets| {
                let bits = octets.iter().fold(0, |bits, octet| bits << 8 | u128::from(*octet));
                number(Show::Ipv4, bits)
            });
            addresses.collect::<Vec<_>>().join(", ")
        }
        _ => octets(found),
    }
}

/// What a field must be, as its field writes it.
pub(crate) fn constraint(info: &FieldInfo, constraint: &Constraint) -> String {
    let number = |bits: u128| number(info.show, bits);
    match constraint {
        Constraint::Exact(bits) => number(*bits),
        Constraint::Range(low, high) if *high == u128::MAX => format!("{}..", number(*low)),
        Constraint::Range(low, high) => format!("{}..={}", number(*low), number(*high)),
        Constraint::OneOf(choice) => {
            let choice: Vec<_> = choice.iter().map(|bits| number(*bits)).collect();
            format!("one of {}", choice.join(", "))
        }
        Constraint::Masked { mask, value } => match info.show {
            Show::TcpFlags => {
                let letters = |bits| Letters(TcpFlags::from_bits(bits)).to_string();
                let (set, clear) = (*value, *mask & !*value);
                match (set, clear) {
                    (_, 0) => format!("{} set", letters(set)),
                    (0, _) => format!("{} clear", letters(clear)),
                    _ => format!("{} set, {} clear", letters(set), letters(clear)),
                }
            }
            Show::Ipv4 => format!("{}/{}", number(*value), mask.count_ones()),
            Show::Ipv6 => format!("{}/{}", number(*value), mask.count_ones()),
            _ => format!("{value:#x} under the mask {mask:#x}"),
        },
        Constraint::Satisfies { what, .. } | Constraint::OctetsSatisfy { what, .. } => what.to_string(),
        Constraint::Octets(wanted) => shown(info.show, wanted),
        parts @ Constraint::Parts(_) => format!("{parts:?}"),
        Constraint::Absent => "absent".to_owned(),
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.protocol().name)?;
        let mut between = " (";
        for (_, info, wanted) in self.constraints() {
            f.write_str(between)?;
            between = ", ";
            if self.kind() != LayerKind::Payload {
                write!(f, "{} ", info.name)?;
            }
            f.write_str(&constraint(info, wanted))?;
        }
        if between == ", " { f.write_str(")") } else { Ok(()) }
    }
}

/// What the template wants, in one line: `IPv4 (src 192.0.2.1) / TCP (flags R., acknowledgement 101)`.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.layers.is_empty() {
            return f.write_str("any frame");
        }
        for (at, layer) in self.layers.iter().enumerate() {
            if at > 0 {
                f.write_str(" / ")?;
            }
            fmt::Debug::fmt(layer, f)?;
        }
        if self.verified { Ok(()) } else { f.write_str(" (unverified)") }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'a> FrameRef<'a> {
    /// Every layer and field of the frame with its octets, one a line, and what is wrong with it. Total on any octets.
    #[must_use]
    pub fn explain(self) -> Explanation<'a> {
        Explanation(Dissection::new(self))
    }

    /// The octets in lines of 16, in hexadecimal and as text.
    #[must_use]
    pub const fn hexdump(self) -> Hexdump<'a> {
        Hexdump(self.octets)
    }
}

/// A frame field by field; see [`FrameRef::explain`].
#[derive(Debug)]
pub struct Explanation<'a>(Dissection<'a>);

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frame = &self.0;
        for view in frame.views() {
            let depth = usize::from(view.nesting) * 2;
            let end = view.start + view.header.len() + view.content.len();
            let quoted = if view.nesting > 0 { " (quoted)" } else { "" };
            writeln!(f, "{:depth$}{}{quoted}  @ octets {}..{end}", "", view.protocol.name, view.start)?;
            let unnamed = options::list(view.protocol.kind).map(|list| list.unnamed(view.header));
            for info in view.protocol.fields.iter().copied().chain(unnamed.into_iter().flatten()) {
                let (Some(range), found @ Some(_)) = (info.range(view.header), info.read(view.header)) else {
                    continue;
                };
                let (start, end) = (view.start + range.start, view.start + range.end);
                writeln!(f, "{:depth$}  {:<20} {:<28} @ {start}..{end}", "", info.name, value(&info, found))?;
            }
        }
        if !frame.trailer().is_empty() {
            writeln!(f, "trailer  {} octets", frame.trailer().len())?;
        }
        if let Some(error) = frame.error() {
            writeln!(f, "unreadable: {error}")?;
        }
        let mut defects = Ok(());
        frame.verify(|defect| defects = defects.and(writeln!(f, "wrong: {defect}")));
        defects
    }
}

/// Octets in hexadecimal and as text; see [`FrameRef::hexdump`].
#[derive(Clone, Copy, Debug)]
pub struct Hexdump<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hexdump<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(70);
        for (line, octets) in self.0.chunks(16).enumerate() {
            text.clear();
            for at in 0..16 {
                text.push_str(if at == 8 { "  " } else { " " });
                match octets.get(at) {
                    Some(octet) => text.extend(digits(*octet)),
                    None => text.push_str("  "),
                }
            }
            text.push_str("  ");
            text.extend(octets.iter().map(|octet| if matches!(octet, b' '..=b'~') { char::from(*octet) } else { '.' }));
            writeln!(f, "{:04x} {text}", line * 16)?;
        }
        Ok(())
    }
}
