//! A layer as data: which fields its header has, where they stand, and what the values of some must be.
//!
//! Layer: `packet`. Each protocol's file describes its header once, as a table made by [`layer!`]; building, dissecting,
//! matching, explaining and writing a layer as Rust all read that table.

use std::fmt;
use std::ops::Range;

use super::build::Completing;
use super::dissect::{Dissected, LengthError};
use super::field::{Constraint, Value};
use super::options::OptionList;
use super::parts::Parts;
use super::verify::Defect;
use super::view::View;

/// Which protocol a layer is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LayerKind {
    /// Ethernet II.
    Ethernet,
    /// A VLAN tag: IEEE 802.1Q or 802.1ad.
    Vlan,
    /// ARP over Ethernet for IPv4.
    Arp,
    /// IPv4.
    Ipv4,
    /// IPv6, its fixed header.
    Ipv6,
    /// The hop-by-hop options header of IPv6.
    HopByHop,
    /// A routing header of IPv6.
    Routing,
    /// A destination options header of IPv6.
    DestinationOptions,
    /// The fragment header of IPv6.
    Fragment,
    /// ICMP for IPv4.
    Icmpv4,
    /// ICMP for IPv6, with neighbour discovery and multicast listener discovery.
    Icmpv6,
    /// IGMP.
    Igmp,
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// A DNS message.
    Dns,
    /// A DHCPv4 message.
    Dhcp,
    /// What nobody above takes apart.
    Payload,
}

impl LayerKind {
    /// VLAN tags and IPv6 extension headers: they may lie between two layers that a template names side by side.
    pub(crate) const fn may_lie_between(self) -> bool {
        matches!(self, Self::Vlan | Self::HopByHop | Self::Routing | Self::DestinationOptions | Self::Fragment)
    }

    /// IPv4 or IPv6.
    pub(crate) const fn is_ip(self) -> bool {
        matches!(self, Self::Ipv4 | Self::Ipv6)
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(super::protocol(*self).name)
    }
}

/// One protocol: its table and what cannot be a table.
pub(crate) struct Protocol {
    pub(crate) kind: LayerKind,
    /// As reports call it.
    pub(crate) name: &'static str,
    /// The type of its layer, as Rust calls it.
    pub(crate) rust: &'static str,
    pub(crate) fields: &'static [FieldInfo],
    pub(crate) behaviour: Behaviour,
}

/// What a protocol does beside having fields.
pub(crate) struct Behaviour {
    /// How many octets the fixed part of a header has that begins with these octets.
    pub(crate) fixed: fn(&[u8]) -> usize,
    /// The header is padded to a multiple of so many octets.
    pub(crate) align: usize,
    /// Where the header at the front of these octets ends, where what it carries ends, and what that is.
    pub(crate) dissect: fn(&[u8]) -> Result<Dissected, LengthError>,
    /// Fills in what nobody set: lengths, checksums, the number of the next protocol.
    pub(crate) complete: fn(&mut Vec<u8>, &Completing<'_>),
    /// Checks lengths and checksums.
    pub(crate) verify: fn(&View<'_>, &mut dyn FnMut(Defect)),
    /// Writes what one line says of it.
    pub(crate) summary: fn(&View<'_>, &mut fmt::Formatter<'_>) -> fmt::Result,
}

impl Protocol {
    pub(crate) fn index(&self, field: &str) -> Option<usize> {
        self.fields.iter().position(|info| info.name == field)
    }
}

/// One field of a header.
#[derive(Clone, Copy)]
pub(crate) struct FieldInfo {
    /// The name, which is also the setter's.
    pub(crate) name: &'static str,
    pub(crate) at: At,
    /// Whether a header that begins so has the field.
    pub(crate) when: fn(&[u8]) -> bool,
    /// What building takes where nothing is set.
    pub(crate) default: u128,
    /// Lengths, checksums and protocol numbers: `complete` fills them in, and no report counts them as unchecked.
    pub(crate) computed: bool,
    pub(crate) show: Show,
    /// The bits of the type that its setter takes.
    pub(crate) width: usize,
}

/// Where a field stands in its header.
#[derive(Clone, Copy)]
pub(crate) enum At {
    /// That many bits from there, counted from the header's first bit in network order.
    Bits { from: usize, length: usize },
    /// An option: a number in those octets of the header, wherever they are; how to append one.
    Find { find: fn(&[u8]) -> Option<Range<usize>>, append: fn(u128, &mut Vec<u8>) },
    /// Octets of any number; how to append them. Not the same as the range for options whose framing is not its value.
    Octets { find: fn(&[u8]) -> Option<Range<usize>>, append: fn(&[u8], &mut Vec<u8>) },
    /// The value of an option, whose kind a template tells and no table: of several of that kind, the one that so many
    /// precede.
    Option { list: &'static OptionList, kind: u8, nth: usize },
    /// Any number of parts, in those octets of the header; how to append one, and how to write them for people.
    #[cfg_attr(not(any(feature = "dns", feature = "dhcp")), expect(dead_code, reason = "only those have parts"))]
    Parts {
        find: fn(&[u8]) -> Option<Range<usize>>,
        append: fn(&[u8], &mut Vec<u8>),
        show: fn(Parts<'_>, &mut dyn fmt::Write) -> fmt::Result,
    },
}

/// How a value is written.
#[derive(Clone, Copy)]
pub(crate) enum Show {
    Decimal,
    /// With so many digits.
    Hex(usize),
    Bool,
    Ipv4,
    Ipv6,
    Mac,
    /// Named values; others in decimal.
    Named(&'static [(u128, &'static str)]),
    /// A letter for each bit, as tcpdump writes them.
    TcpFlags,
    Octets,
    /// Octets that are padded with zeros to a multiple of so many.
    Padded(usize),
    /// Options that are padded to a multiple of 8 octets, with zeros (Pad1) or PadN.
    PaddedOptions,
    /// A domain name in the octets of RFC 1035 section 3.1, without compression. Letters match in either case.
    #[cfg_attr(not(feature = "dns"), expect(dead_code, reason = "only DNS has names"))]
    Name,
    /// IPv4 addresses, one behind the other.
    #[cfg_attr(not(feature = "dhcp"), expect(dead_code, reason = "only DHCP has lists of addresses"))]
    Addresses,
}

const fn always(_: &[u8]) -> bool {
    true
}

/// A field of so many bits from that bit on.
pub(crate) const fn bits(from: usize, length: usize) -> FieldInfo {
    FieldInfo {
        name: "",
        at: At::Bits { from, length },
        when: always,
        default: 0,
        computed: false,
        show: Show::Decimal,
        width: 0,
    }
}

/// Any number of parts.
#[cfg(any(feature = "dns", feature = "dhcp"))]
pub(crate) const fn parts(
    find: fn(&[u8]) -> Option<Range<usize>>,
    append: fn(&[u8], &mut Vec<u8>),
    show: fn(Parts<'_>, &mut dyn fmt::Write) -> fmt::Result,
) -> FieldInfo {
    FieldInfo {
        name: "",
        at: At::Parts { find, append, show },
        when: always,
        default: 0,
        computed: false,
        show: Show::Octets,
        width: 0,
    }
}

/// A number in an option.
pub(crate) const fn option(find: fn(&[u8]) -> Option<Range<usize>>, append: fn(u128, &mut Vec<u8>)) -> FieldInfo {
    FieldInfo {
        name: "",
        at: At::Find { find, append },
        when: always,
        default: 0,
        computed: false,
        show: Show::Decimal,
        width: 0,
    }
}

/// Octets of any number.
pub(crate) const fn octets(find: fn(&[u8]) -> Option<Range<usize>>, append: fn(&[u8], &mut Vec<u8>)) -> FieldInfo {
    FieldInfo {
        name: "",
        at: At::Octets { find, append },
        when: always,
        default: 0,
        computed: false,
        show: Show::Octets,
        width: 0,
    }
}

impl FieldInfo {
    pub(crate) const fn default(mut self, value: u128) -> Self {
        self.default = value;
        self
    }

    pub(crate) const fn computed(mut self) -> Self {
        self.computed = true;
        self
    }

    pub(crate) const fn show(mut self, show: Show) -> Self {
        self.show = show;
        self
    }

    pub(crate) const fn when(mut self, when: fn(&[u8]) -> bool) -> Self {
        self.when = when;
        self
    }

    /// Reserved bits and versions: nobody is expected to check them.
    pub(crate) fn is_reserved(&self) -> bool {
        self.name.starts_with("reserved") || self.name == "version"
    }

    /// The octets of the header that hold it.
    #[inline]
    pub(crate) fn range(&self, header: &[u8]) -> Option<Range<usize>> {
        if !(self.when)(header) {
            return None;
        }
        match self.at {
            At::Bits { from, length } => {
                let range = from / 8..(from + length).div_ceil(8);
                (range.end <= header.len()).then_some(range)
            }
            At::Find { find, .. } | At::Octets { find, .. } | At::Parts { find, .. } => {
                find(header).filter(|range| range.start <= range.end && range.end <= header.len())
            }
            At::Option { list, kind, nth } => list.value(header, kind, nth),
        }
    }

    /// Whether it is the value of an option of that kind.
    pub(crate) const fn is_option(&self, kind: u8) -> bool {
        matches!(self.at, At::Option { kind: own, .. } if own == kind)
    }

    #[inline]
    pub(crate) fn read<'a>(&self, header: &'a [u8]) -> Option<Value<'a>> {
        let range = self.range(header)?;
        let octets = header.get(range.clone())?;
        Some(match self.at {
            At::Bits { from, length } => Value::Bits(field(octets, from, length)),
            At::Find { .. } => Value::Bits(number(octets)),
            At::Octets { .. } | At::Option { .. } => Value::Octets(octets),
            At::Parts { .. } => Value::Parts(Parts { message: header, start: range.start, end: range.end }),
        })
    }

    /// Whether the field of that header is what it must be.
    #[inline]
    pub(crate) fn fits(&self, wanted: &Constraint, header: &[u8]) -> bool {
        // What matching does most, without a detour through `Value`.
        if let (At::Bits { from, length }, Constraint::Exact(wanted)) = (self.at, wanted) {
            let octets = self.range(header).and_then(|range| header.get(range));
            return octets.is_some_and(|octets| field(octets, from, length) == *wanted);
        }
        self.holds(wanted, self.read(header))
    }

    /// Whether a value is what it must be. Padding is no part of octets that are padded; names match in either case
    /// (RFC 4343): a label's length is no letter, so the octets can be compared as they stand.
    fn holds(&self, wanted: &Constraint, got: Option<Value<'_>>) -> bool {
        let (Constraint::Octets(octets), Some(Value::Octets(got))) = (wanted, got) else { return wanted.holds(got) };
        let align = match self.show {
            Show::Padded(align) => align,
            Show::PaddedOptions => 8,
            Show::Name => return octets.eq_ignore_ascii_case(got),
            _ => return **octets == *got,
        };
        let zeros = |octets: &[u8]| octets.iter().all(|octet| *octet == 0);
        got.strip_prefix(&**octets).is_some_and(|padding| match padding {
            [1, length, value @ ..] if matches!(self.show, Show::PaddedOptions) => {
                padding.len() < align && usize::from(*length) == value.len() && zeros(value)
            }
            _ => padding.len() < align && zeros(padding),
        })
    }

    /// Writes a number into the fixed part of a header, which grows where it is too short. Bits above the field's
    /// width are lost.
    pub(crate) fn write_bits(&self, value: u128, header: &mut Vec<u8>) {
        let At::Bits { from, length } = self.at else { return };
        let end = (from + length).div_ceil(8);
        if header.len() < end {
            header.resize(end, 0);
        }
        self.put_bits(value, header);
    }

    /// The same in a header that is long enough; octets that are not there are not written.
    pub(crate) fn put_bits(&self, value: u128, header: &mut [u8]) {
        let At::Bits { from, length } = self.at else { return };
        let (mut value, mut to) = (value, from + length);
        while to > from {
            let at = (to - 1) / 8;
            let behind = (at + 1) * 8 - to;
            let here = (to - from).min(8 - behind);
            let mask = 0xff >> (8 - here) << behind;
            let [.., low] = value.to_be_bytes();
            if let Some(octet) = header.get_mut(at) {
                *octet = *octet & !mask | low << behind & mask;
            }
            (value, to) = (value >> here, to - here);
        }
    }
}

/// The bits of a field in the octets that it stands in.
#[inline]
fn field(octets: &[u8], from: usize, length: usize) -> u128 {
    let bits = number(octets);
    if from.is_multiple_of(8) && octets.len() * 8 == length {
        return bits;
    }
    let behind = octets.len() * 8 - from % 8 - length;
    let mask = 1_u128.checked_shl(u32::try_from(length).unwrap_or(u32::MAX)).map_or(u128::MAX, |bit| bit - 1);
    bits >> behind & mask
}

/// The number that the last 16 octets spell.
#[inline]
fn number(octets: &[u8]) -> u128 {
    match *octets {
        [a] => a.into(),
        [a, b] => u16::from_be_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_be_bytes([a, b, c, d]).into(),
        _ => octets.iter().fold(0, |all, octet| all << 8 | u128::from(*octet)),
    }
}

/// One layer of a template: a protocol and what some of its fields must be.
#[derive(Clone)]
pub struct Layer {
    protocol: &'static Protocol,
    /// Indices into the protocol's fields and, behind their end, into `options`.
    fields: Vec<(usize, Constraint)>,
    options: Vec<FieldInfo>,
}

impl Layer {
    pub(crate) const fn new(protocol: &'static Protocol) -> Self {
        Self { protocol, fields: Vec::new(), options: Vec::new() }
    }

    /// The same with this field set; a field that was set before is set anew.
    pub(crate) fn with(mut self, field: &str, constraint: Constraint) -> Self {
        self.set(field, constraint);
        self
    }

    pub(crate) fn set(&mut self, field: &str, constraint: Constraint) {
        let Some(index) = self.protocol.index(field) else {
            unreachable!("{} has no field `{field}`", self.protocol.name)
        };
        self.set_at(index, constraint);
    }

    pub(crate) fn set_at(&mut self, index: usize, constraint: Constraint) {
        match self.fields.iter_mut().find(|(present, _)| *present == index) {
            Some((_, present)) => *present = constraint,
            None => self.fields.push((index, constraint)),
        }
    }

    /// Adds a part to those that the field must have.
    #[cfg(any(feature = "dns", feature = "dhcp"))]
    pub(crate) fn add(&mut self, field: &str, part: std::sync::Arc<dyn super::parts::Part>) {
        let mut parts = match self.get(field) {
            Some(Constraint::Parts(parts)) => parts.to_vec(),
            _ => Vec::new(),
        };
        parts.push(part);
        self.set(field, Constraint::Parts(parts.into()));
    }

    pub(crate) fn get(&self, field: &str) -> Option<&Constraint> {
        let index = self.protocol.index(field)?;
        self.fields.iter().find(|(present, _)| *present == index).map(|(_, constraint)| constraint)
    }

    /// Leaves a field open, whatever it was set to.
    pub(crate) fn unset(&mut self, field: &str) {
        let index = self.protocol.index(field);
        self.fields.retain(|(present, _)| Some(*present) != index);
    }

    /// Whether that field is set to exactly that number.
    pub(crate) fn is(&self, field: &str, bits: u128) -> bool {
        self.get(field).is_some_and(|constraint| constraint.exact() == Some(Value::Bits(bits)))
    }

    /// The number that a field is set to, if it is set to one.
    pub(crate) fn number(&self, field: &str) -> Option<u128> {
        match self.get(field)?.exact()? {
            Value::Bits(bits) => Some(bits),
            Value::Octets(_) | Value::Parts(_) => None,
        }
    }

    /// The protocol.
    #[must_use]
    pub fn kind(&self) -> LayerKind {
        self.protocol.kind
    }

    pub(crate) const fn protocol(&self) -> &'static Protocol {
        self.protocol
    }

    /// Sets an option that no field of the table reads; one that was set before is set anew.
    pub(crate) fn set_option(&mut self, option: FieldInfo, constraint: Constraint) {
        let At::Option { kind, nth, .. } = option.at else { return };
        let same = |info: &FieldInfo| matches!(info.at, At::Option { kind: k, nth: n, .. } if (k, n) == (kind, nth));
        let at = self.options.iter().position(same).unwrap_or(self.options.len());
        if at == self.options.len() {
            self.options.push(option);
        }
        self.set_at(self.protocol.fields.len() + at, constraint);
    }

    /// The fields that are set, in the order in which they were, with their indices in the table; options that no field
    /// of the table reads have indices behind its end.
    pub(crate) fn constraints(&self) -> impl Iterator<Item = (usize, &FieldInfo, &Constraint)> {
        let table = self.protocol.fields;
        let info = move |index: usize| match index.checked_sub(table.len()) {
            None => table.get(index),
            Some(option) => self.options.get(option),
        };
        self.fields.iter().filter_map(move |(index, constraint)| Some((*index, info(*index)?, constraint)))
    }

    /// Sets all that `other`, of the same protocol, sets.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (index, info, constraint) in other.constraints() {
            match info.at {
                At::Option { .. } => self.set_option(*info, constraint.clone()),
                _ => self.set_at(index, constraint.clone()),
            }
        }
    }
}

/// Defines a layer: its type with a setter for each field, and its table.
macro_rules! layer {
    (
        $(#[$doc:meta])*
        $name:ident, $table:ident = $kind:ident $text:literal, $behaviour:expr;
        $($(#[$field_doc:meta])* $field:ident: $type:ty = $info:expr;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[must_use]
        pub struct $name(pub(crate) $crate::packet::Layer);

        pub(crate) static $table: $crate::packet::layer::Protocol = $crate::packet::layer::Protocol {
            kind: $crate::packet::LayerKind::$kind,
            name: $text,
            rust: stringify!($name),
            fields: &[$($crate::packet::layer::FieldInfo {
                name: stringify!($field),
                width: 8 * size_of::<$type>(),
                ..$info
            }),*],
            behaviour: $behaviour,
        };

        impl $name {
            /// The layer with nothing set.
            pub const fn new() -> Self {
                Self($crate::packet::Layer::new(&$table))
            }

            $(
                $(#[$field_doc])*
                pub fn $field(self, value: impl $crate::packet::IntoField<$type>) -> Self {
                    Self(self.0.with(stringify!($field), value.into_field().constraint))
                }
            )*
        }

        $crate::packet::layer::stackable!($name);
    };
}
pub(crate) use layer;

/// What every layer's type can do.
macro_rules! stackable {
    ($name:ident) => {
        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }

        impl From<$name> for $crate::packet::Layer {
            fn from(layer: $name) -> Self {
                layer.0
            }
        }

        impl $crate::packet::IntoPacket for $name {
            fn into_packet(self) -> $crate::packet::Packet {
                $crate::packet::Packet::from_layer(self.0)
            }
        }

        impl<Upper: $crate::packet::IntoPacket> std::ops::Div<Upper> for $name {
            type Output = $crate::packet::Packet;

            /// Stacks what is inside, or behind, this layer.
            fn div(self, upper: Upper) -> $crate::packet::Packet {
                $crate::packet::IntoPacket::into_packet(self) / upper
            }
        }

        impl From<$name> for $crate::packet::Packet {
            fn from(layer: $name) -> Self {
                $crate::packet::IntoPacket::into_packet(layer)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}
pub(crate) use stackable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_read_where_they_were_written() {
        let flags = bits(4, 9);
        let mut header = vec![0xff, 0xff];
        flags.write_bits(0x101, &mut header);
        assert_eq!(header, [0xf8, 0x0f]);
        assert_eq!(flags.read(&header), Some(Value::Bits(0x101)));
        assert_eq!(flags.read(&header[..1]), None);
        let address = bits(16, 128);
        let mut header = Vec::new();
        address.write_bits(u128::MAX - 5, &mut header);
        assert_eq!(header.len(), 18);
        assert_eq!(address.read(&header), Some(Value::Bits(u128::MAX - 5)));
    }
}
