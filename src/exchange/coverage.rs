//! Which header fields a test never checked: the mistakes that it would not notice.

use std::collections::BTreeMap;
use std::fmt;

use crate::packet::{Dissection, LayerKind, Packet, protocol};

/// The fields that templates named, and those that matched frames had.
#[derive(Default)]
pub(super) struct Coverage {
    seen: BTreeMap<LayerKind, (u128, u128)>,
}

impl Coverage {
    /// A template matched that frame.
    pub(super) fn note(&mut self, pattern: &Packet, frame: &Dissection<'_>) {
        for view in frame.views().take_while(|view| view.nesting == 0) {
            let present = (0..view.protocol.fields.len().min(128))
                .filter(|index| view.value(*index).is_some())
                .fold(0, |bits, index| bits | 1_u128 << index);
            self.seen.entry(view.protocol.kind).or_default().0 |= present;
        }
        self.named(pattern);
    }

    /// A template names fields, whether it matched or not.
    pub(super) fn named(&mut self, pattern: &Packet) {
        for layer in pattern.layers() {
            let named = layer.constraints().filter(|(index, ..)| *index < 128);
            let named = named.fold(0, |bits, (index, ..)| bits | 1_u128 << index);
            self.seen.entry(layer.kind()).or_default().1 |= named;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.to_string().is_empty()
    }
}

/// The fields of a layer that are told.
const MOST_FIELDS: usize = 8;

/// What tests hardly ever check: the sender chooses it, or nothing uses it.
fn is_idle(kind: LayerKind, field: &str) -> bool {
    match kind {
        LayerKind::Ipv4 => matches!(field, "dscp" | "ecn" | "id" | "more_fragments" | "fragment_offset"),
        LayerKind::Ipv6 => matches!(field, "traffic_class" | "flow_label"),
        LayerKind::Tcp => field == "urgent",
        LayerKind::Vlan => field == "drop_eligible",
        _ => false,
    }
}

/// `IPv4 ttl src; TCP window`: computed fields are verified anyhow, and those that are never there are not told.
impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (kind, (present, named)) in &self.seen {
            let unchecked = present & !named;
            let fields = protocol(*kind).fields.iter().enumerate().take(128);
            let names: Vec<_> = fields
                .filter(|(index, info)| unchecked >> index & 1 == 1 && !info.computed && !info.is_reserved())
                .map(|(_, info)| info.name)
                .filter(|name| !is_idle(*kind, name))
                .collect();
            if *kind != LayerKind::Payload && !names.is_empty() {
                let told = names.get(..MOST_FIELDS).unwrap_or(&names);
                write!(f, "{between}{kind} {}", told.join(" "))?;
                if names.len() > told.len() {
                    write!(f, " and {} more", names.len() - told.len())?;
                }
                between = "; ";
            }
        }
        Ok(())
    }
}
