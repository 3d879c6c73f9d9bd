//! A field of a reply that is set to something else.

use crate::packet::field::{Constraint, Value};
use crate::packet::layer::{At, FieldInfo};
use crate::packet::{Layer, LayerKind, protocol};

/// A field of the first layer of a kind, and what it is set to.
///
/// Encoded in an [`Answer`](super::Answer) as
///
/// ```text
///  | layer 1 | length of the name 1 | the field's name, as its setter is called | length 3 | value |
///  layer   0 Ethernet  1 Vlan  2 Arp  3 Ipv4  4 Ipv6  5 HopByHop  6 Routing  7 DestinationOptions
///          8 Fragment  9 Icmpv4  10 Icmpv6  11 Igmp  12 Udp  13 Tcp  14 Dns  15 Dhcp  16 Payload
///  value   a number: at most 16 octets, the last ones count; or the octets that the field holds
/// ```
///
/// What names no field is left out when it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub(super) layer: LayerKind,
    pub(super) field: &'static str,
    pub(crate) value: EditValue,
}

/// What a field is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EditValue {
    Number(u128),
    Octets(Vec<u8>),
}

/// The kinds of layers by their numbers in the encoding.
pub(crate) const LAYERS: [LayerKind; 17] = [
    LayerKind::Ethernet,
    LayerKind::Vlan,
    LayerKind::Arp,
    LayerKind::Ipv4,
    LayerKind::Ipv6,
    LayerKind::HopByHop,
    LayerKind::Routing,
    LayerKind::DestinationOptions,
    LayerKind::Fragment,
    LayerKind::Icmpv4,
    LayerKind::Icmpv6,
    LayerKind::Igmp,
    LayerKind::Udp,
    LayerKind::Tcp,
    LayerKind::Dns,
    LayerKind::Dhcp,
    LayerKind::Payload,
];

impl Edit {
    /// The layer.
    #[must_use]
    pub const fn layer(&self) -> LayerKind {
        self.layer
    }

    /// The field's name, which is also its setter's.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// Every field that a layer sets to one value; `None` when it sets one to something else, or sets an option that no
    /// field names.
    pub(super) fn all_of(layer: &Layer) -> Option<Vec<Self>> {
        let edit = |info: &FieldInfo, constraint: &Constraint| {
            let known = info_of(layer.kind(), info.name)?;
            let value = match constraint.exact()? {
                Value::Bits(bits) => EditValue::Number(bits & mask(width(known))),
                Value::Octets(octets) => EditValue::Octets(octets.to_vec()),
                Value::Parts(_) => return None,
            };
            Some(Self { layer: layer.kind(), field: known.name, value })
        };
        layer.constraints().map(|(_, info, constraint)| edit(info, constraint)).collect()
    }

    /// The edit of a field of that name; `None` where there is none.
    pub(crate) fn named(layer: u8, name: &[u8], value: &[u8]) -> Option<Self> {
        let layer = *LAYERS.get(usize::from(layer))?;
        let info = info_of(layer, std::str::from_utf8(name).ok()?)?;
        let value = match info.at {
            At::Bits { .. } | At::Find { .. } => EditValue::Number(number(value) & mask(width(info))),
            At::Octets { .. } => EditValue::Octets(value.to_vec()),
            At::Option { .. } | At::Parts { .. } => return None,
        };
        Some(Self { layer, field: info.name, value })
    }

    pub(super) fn layer_number(&self) -> u8 {
        LAYERS.iter().position(|kind| *kind == self.layer).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    /// Sets the field in the first layer of its kind, if there is one.
    pub(in crate::fuzz) fn apply(&self, layers: &mut [Layer]) {
        if let Some(layer) = layers.iter_mut().find(|layer| layer.kind() == self.layer) {
            self.set(layer);
        }
    }

    /// The layer that has this field set and no other.
    pub(super) fn to_layer(&self) -> Layer {
        let mut layer = Layer::new(protocol(self.layer));
        self.set(&mut layer);
        layer
    }

    fn set(&self, layer: &mut Layer) {
        layer.set(self.field, self.constraint());
    }

    fn constraint(&self) -> Constraint {
        match &self.value {
            EditValue::Number(number) => Constraint::Exact(*number),
            EditValue::Octets(octets) => Constraint::Octets(octets.as_slice().into()),
        }
    }
}

/// The field of that name. Of a message whose feature is off there is none: it would be the payload's.
fn info_of(kind: LayerKind, name: &str) -> Option<&'static FieldInfo> {
    let protocol = protocol(kind);
    protocol.fields.iter().find(|info| info.name == name).filter(|_| protocol.kind == kind)
}

/// The bits of a field that is a number: in an option as many as its setter takes.
const fn width(info: &FieldInfo) -> usize {
    match info.at {
        At::Bits { length, .. } => length,
        _ => info.width,
    }
}

fn number(octets: &[u8]) -> u128 {
    octets.iter().fold(0, |all, octet| all << 8 | u128::from(*octet))
}

fn mask(bits: usize) -> u128 {
    u128::MAX >> 128_usize.saturating_sub(bits).min(127)
}
