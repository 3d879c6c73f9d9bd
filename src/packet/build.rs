//! Turns a template into octets: fills in what is missing below, writes what is set, computes the rest.
//!
//! Layer: `packet`. Headers are written from the outside in, so that addresses stand before anything is summed, then
//! completed from the inside out, so that each length and checksum covers what is final.

use std::error::Error;
use std::fmt;

use super::field::{Constraint, Value};
use super::layer::{At, Layer, LayerKind};
use super::view::IpAround;
use super::{Defaults, Packet, checksum};

/// Why a template is no frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A field is set to something that is no single value.
    Inexact {
        /// The layer.
        layer: LayerKind,
        /// The field.
        field: &'static str,
        /// What it must be.
        constraint: String,
    },
    /// The frame would be longer than any frame can be.
    TooLong {
        /// Its octets.
        octets: usize,
    },
    /// A header, or an option in it, is longer than its length field can tell, and the template does not set that field.
    LayerTooLong {
        /// The layer.
        layer: LayerKind,
        /// The header, or which option.
        part: &'static str,
        /// Its octets.
        octets: usize,
        /// The most that it can have.
        most: usize,
    },
    /// An Ethernet header on a link whose frames are IP packets.
    EthernetOnTun,
    /// The link has no address of the family that the packet needs, and the packet gives none.
    NoAddress {
        /// The layer that lacks it.
        layer: LayerKind,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inexact { layer, field, constraint } => {
                write!(f, "{layer} {field} is {constraint}: give one value to build the packet")
            }
            Self::TooLong { octets } => write!(f, "the frame would have {octets} octets; the largest has 65553"),
            Self::LayerTooLong { layer, part, octets, most } => {
                write!(f, "the {part} of {layer} would have {octets} octets; it has at most {most}")
            }
            Self::EthernetOnTun => f.write_str("a TUN carries IP packets: leave the Ethernet layer out, or take a Tap"),
            Self::NoAddress { layer } => {
                write!(f, "the link has no {layer} addresses: give the packet an {layer} layer with `src` and `dst`")
            }
        }
    }
}

impl Error for BuildError {}

/// What a protocol sees when it completes its header.
pub(crate) struct Completing<'a> {
    /// The template.
    pub(crate) layer: &'a Layer,
    /// What the header carries, final.
    pub(crate) content: &'a [u8],
    /// The layer inside.
    pub(crate) next: Option<LayerKind>,
    /// The headers around it, outermost first.
    outer: &'a [(LayerKind, Vec<u8>)],
}

impl<'a> Completing<'a> {
    /// `outer` are the headers around it, outermost first.
    pub(crate) const fn new(
        layer: &'a Layer,
        content: &'a [u8],
        next: Option<LayerKind>,
        outer: &'a [(LayerKind, Vec<u8>)],
    ) -> Self {
        Self { layer, content, next, outer }
    }

    /// Whether the template sets that field itself.
    pub(crate) fn is_set(&self, field: &str) -> bool {
        self.layer.get(field).is_some()
    }

    /// Writes a field unless the template sets it.
    pub(crate) fn write(&self, header: &mut Vec<u8>, field: &str, value: impl TryInto<u128>) {
        let Some(info) = self.layer.protocol().index(field).and_then(|index| self.layer.protocol().fields.get(index))
        else {
            unreachable!("{} has no field `{field}`", self.layer.kind())
        };
        if !self.is_set(field) {
            info.write_bits(value.try_into().unwrap_or_default(), header);
        }
    }

    /// The number of the protocol inside, as IP calls it; `otherwise` where it has none.
    pub(crate) fn next_ip_number(&self, otherwise: u8) -> u8 {
        self.next.and_then(ip_number).unwrap_or(otherwise)
    }

    /// The same as Ethernet calls it.
    pub(crate) fn next_ether_type(&self) -> u16 {
        match self.next {
            Some(LayerKind::Ipv4) => 0x0800,
            Some(LayerKind::Arp) => 0x0806,
            Some(LayerKind::Vlan) => 0x8100,
            Some(LayerKind::Ipv6) => 0x86dd,
            // IEEE 802: local experimental EtherType 1.
            _ => 0x88b5,
        }
    }

    /// The nearest IP layer around.
    pub(crate) fn ip(&self) -> Option<IpAround<'_>> {
        let at = self.outer.iter().rposition(|(kind, _)| kind.is_ip())?;
        let (kind, header) = self.outer.get(at)?;
        let inside = self.outer.get(at + 1..).unwrap_or_default();
        let final_destination = inside
            .iter()
            .filter(|(kind, _)| *kind == LayerKind::Routing)
            .find_map(|(_, header)| super::ipv6_extensions::final_destination(header));
        Some(IpAround { header, is_v6: *kind == LayerKind::Ipv6, fragment: false, final_destination })
    }

    /// The checksum of header and content over the pseudo-header, with the checksum field as it stands (set it to zero
    /// first); without an IP layer around, over the message alone.
    pub(crate) fn transport_checksum(&self, number: u8, header: &[u8]) -> u16 {
        let message = [header, self.content].concat();
        match self.ip() {
            Some(ip) => checksum::transport_checksum(&ip, number, &message),
            None => checksum::checksum(&message),
        }
    }
}

/// The number by which IP names what it carries (IANA "Assigned Internet Protocol Numbers").
pub(crate) const fn ip_number(kind: LayerKind) -> Option<u8> {
    Some(match kind {
        LayerKind::HopByHop => 0,
        LayerKind::Icmpv4 => 1,
        LayerKind::Igmp => 2,
        LayerKind::Ipv4 => 4,
        LayerKind::Tcp => 6,
        LayerKind::Udp => 17,
        LayerKind::Ipv6 => 41,
        LayerKind::Routing => 43,
        LayerKind::Fragment => 44,
        LayerKind::Icmpv6 => 58,
        LayerKind::DestinationOptions => 60,
        _ => return None,
    })
}

/// The octets of the largest frame.
const LARGEST: usize = crate::device::LARGEST_FRAME;

impl Packet {
    /// Builds the frame: unset fields get their defaults, lengths, checksums and protocol numbers are computed unless
    /// they are set, and a missing lower layer is filled in with documentation addresses (`Udp` alone is sent by
    /// 192.0.2.2 to 192.0.2.1). A packet sent on a link gets that link's addresses instead.
    ///
    /// # Errors
    /// A field that is set to no single value, a header or frame that is too long.
    ///
    /// ```
    /// use tuntap_test::packet::{IntoPacket, Ipv4, Udp};
    ///
    /// let octets = (Ipv4::new().ttl(9) / Udp::new().dport(53) / b"hi").build()?;
    /// assert_eq!(octets.len(), 20 + 8 + 2);
    /// assert_eq!(octets[8], 9);
    ///
    /// let error = Ipv4::new().ttl(1..=64).into_packet().build().unwrap_err();
    /// assert_eq!(error.to_string(), "IPv4 ttl is 1..=64: give one value to build the packet");
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn build(&self) -> Result<Vec<u8>, BuildError> {
        self.build_with(&Defaults::documentation())
    }

    /// As [`build`](Self::build), with the addresses of a link.
    ///
    /// # Errors
    /// A field that is set to no single value, a header or frame that is too long, a family that the link lacks, Ethernet
    /// on a TUN.
    pub fn build_with(&self, defaults: &Defaults) -> Result<Vec<u8>, BuildError> {
        let layers = defaults.fill(&self.layers)?;
        let mut headers = Vec::with_capacity(layers.len());
        for layer in &layers {
            headers.push((layer.kind(), write_header(layer)?));
        }
        let mut content = Vec::new();
        for (index, layer) in layers.iter().enumerate().rev() {
            let (outer, own) = headers.split_at_mut(index);
            let Some((_, header)) = own.first_mut() else { continue };
            let next = layers.get(index + 1).map(Layer::kind);
            let cx = Completing::new(layer, &content, next, outer);
            (layer.protocol().behaviour.complete)(header, &cx);
            let mut whole = std::mem::take(header);
            whole.append(&mut content);
            content = whole;
        }
        content.extend_from_slice(&self.trailer);
        if content.len() > LARGEST { Err(BuildError::TooLong { octets: content.len() }) } else { Ok(content) }
    }
}

/// The header with everything that is set and every default, before anything is computed.
pub(crate) fn write_header(layer: &Layer) -> Result<Vec<u8>, BuildError> {
    let protocol = layer.protocol();
    let mut header = Vec::with_capacity(64);
    for info in protocol.fields.iter().filter(|info| info.default != 0) {
        info.write_bits(info.default, &mut header);
    }
    let inexact = |field, constraint: &Constraint| BuildError::Inexact {
        layer: layer.kind(),
        field,
        constraint: format!("{constraint:?}"),
    };
    for (_, info, constraint) in layer.constraints() {
        if let (At::Bits { .. }, false) = (info.at, matches!(constraint, Constraint::Absent)) {
            let Some(Value::Bits(bits)) = constraint.exact() else {
                return Err(BuildError::Inexact {
                    layer: layer.kind(),
                    field: info.name,
                    constraint: super::explain::constraint(info, constraint),
                });
            };
            info.write_bits(bits, &mut header);
        }
    }
    let fixed = (protocol.behaviour.fixed)(&header);
    if header.len() < fixed {
        header.resize(fixed, 0);
    }
    for (_, info, constraint) in layer.constraints() {
        match (info.at, constraint, constraint.exact()) {
            (At::Bits { .. }, ..) | (_, Constraint::Absent, _) => {}
            (At::Find { append, .. }, _, Some(Value::Bits(bits))) => append(bits, &mut header),
            (At::Octets { append, .. }, _, Some(Value::Octets(octets))) => append(octets, &mut header),
            (At::Option { list, kind, .. }, _, Some(Value::Octets(octets))) => {
                let most = list.framing.longest_value();
                if octets.len() > most {
                    return Err(too_long(layer, info.name, octets.len(), most));
                }
                list.framing.append(kind, octets, &mut header);
            }
            (At::Parts { append, .. }, Constraint::Parts(parts), _) => {
                for part in parts.iter() {
                    append(&part.octets().ok_or_else(|| inexact(info.name, constraint))?, &mut header);
                }
            }
            _ => return Err(inexact(info.name, constraint)),
        }
    }
    let whole = header.len().next_multiple_of(protocol.behaviour.align.max(1));
    match super::options::list(layer.kind()) {
        Some(list) => list.pad(whole - header.len(), &mut header),
        None => header.resize(whole, 0),
    }
    match longest_header(layer.kind()) {
        Some((most, field)) if header.len() > most && layer.get(field).is_none() => {
            Err(too_long(layer, "header", header.len(), most))
        }
        _ => Ok(header),
    }
}

fn too_long(layer: &Layer, part: &'static str, octets: usize, most: usize) -> BuildError {
    BuildError::LayerTooLong { layer: layer.kind(), part, octets, most }
}

/// The most octets that a header's length field can tell, and that field.
const fn longest_header(kind: LayerKind) -> Option<(usize, &'static str)> {
    match kind {
        LayerKind::Ipv4 => Some((60, "ihl")),
        LayerKind::Tcp => Some((60, "data_offset")),
        LayerKind::HopByHop | LayerKind::Routing | LayerKind::DestinationOptions => Some((2048, "length")),
        _ => None,
    }
}
