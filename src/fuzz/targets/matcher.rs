//! Templates and the frames that they match, on any octets.
//!
//! ```text
//!   0      1       2       3       4
//!  +------+-------+-------+-------+----- - -
//!  | mode | layer | field | bit   | frame
//!  +------+-------+-------+-------+----- - -
//!  mode: even TUN, odd TAP; the others modulo the number of layers, of fields, of bits
//! ```

use super::{Rules, mode_of};
use crate::device::FrameRef;
use crate::packet::field::{Constraint, Value};
use crate::packet::layer::{At, FieldInfo, Layer};
use crate::packet::{Dissection, IntoPacket, LayerKind, Packet, Payload, View};

/// The code under test.
trait Code {
    #[inline]
    fn matches(template: &Packet, frame: &Dissection<'_>) -> bool {
        template.matches_dissection(frame)
    }

    /// How many mismatches a report has.
    #[inline]
    fn mismatches(template: &Packet, frame: &Dissection<'_>) -> usize {
        template.mismatches(frame).1.len()
    }
}

struct Library;

impl Code for Library {}

/// The rules that hold for any octets, of which the first says whether the frame is one of a TUN (even) or of a TAP
/// (odd), and the next three choose a layer, a field in it, and a bit of that. A template of all that the frame's
/// headers and its payload are is made field by field, and then:
///
/// * it matches the frame; verified, it does exactly when lengths and checksums are right;
/// * with that bit of that field changed in the template, or in the frame, it does not;
/// * a report has mismatches exactly when there is no match;
/// * with the field left open, the changed frame matches unless the change made other layers of it.
///
/// # Panics
/// When a rule is broken.
pub fn matcher(data: &[u8]) {
    rules::<Library>(data).judge(data);
}

#[inline]
fn rules<C: Code>(data: &[u8]) -> Rules {
    let mut rules = Rules::new();
    let Some((&[mode, layer, field, bit], octets)) = data.split_first_chunk() else { return rules };
    if octets.len() > LARGEST {
        return rules;
    }
    let frame = FrameRef::new(mode_of(mode), octets);
    let dissection = Dissection::new(frame);
    let template = template(&dissection);
    rules.keep("a frame matches the template of all that it is", C::matches(&template, &dissection));
    rules.keep("a report of a match has no mismatch", C::mismatches(&template, &dissection) == 0);
    let verified = Packet { verified: true, ..template.clone() };
    rules.keep("verified, it matches what is sound", C::matches(&verified, &dissection) == dissection.is_sound());
    rules.keep(
        "verified, a report tells what is not sound",
        (C::mismatches(&verified, &dissection) == 0) == dissection.is_sound(),
    );
    if let Some(chosen) = Chosen::new(&dissection, &template, [layer, field, bit]) {
        changed_template::<C>(&template, &chosen, &dissection, &mut rules);
        changed_frame::<C>(&template, &chosen, frame, &dissection, &mut rules);
    }
    rules
}

/// What a fuzzer makes is shorter; a template of so many octets is slow.
const LARGEST: usize = 4096;

/// Every field of every header that is neither quoted nor tunnelled, and what the last of them carries.
fn template(frame: &Dissection<'_>) -> Packet {
    let mut packet = Packet::any().unverified();
    for view in headers(frame) {
        let mut layer = Layer::new(view.protocol);
        for (index, info) in view.protocol.fields.iter().enumerate() {
            match info.read(view.header) {
                Some(Value::Bits(bits)) => layer.set_at(index, Constraint::Exact(bits)),
                Some(Value::Octets(octets)) => layer.set_at(index, Constraint::Octets(octets.into())),
                Some(Value::Parts(_)) | None => {}
            }
        }
        packet.layers.push(layer);
    }
    let carried = headers(frame).last().map_or(frame.frame(), |view| view.content);
    packet.layers.push(Payload::new().octets(carried).into());
    packet
}

fn headers<'a>(frame: &Dissection<'a>) -> impl Iterator<Item = View<'a>> {
    frame.views().take_while(|view| view.nesting == 0 && view.protocol.kind != LayerKind::Payload)
}

/// A bit of a field of fixed width, which the template sets.
struct Chosen {
    /// Of the template and of the frame.
    layer: usize,
    /// Of the protocol's table.
    field: usize,
    /// Counted from the lowest of the field.
    bit: usize,
    /// Where that is in the frame: octet, and its mask.
    at: (usize, u8),
}

impl Chosen {
    fn new(frame: &Dissection<'_>, template: &Packet, [layer, field, bit]: [u8; 3]) -> Option<Self> {
        let layers = template.layers.len().checked_sub(1).filter(|layers| *layers > 0)?;
        let layer = usize::from(layer) % layers;
        let view = frame.view(layer)?;
        let fields: Vec<(usize, usize, usize)> = template
            .layers
            .get(layer)?
            .constraints()
            .filter_map(|(index, info, _)| match info.at {
                At::Bits { from, length } => Some((index, from, length)),
                _ => None,
            })
            .collect();
        let (field, from, length) = *fields.get(usize::from(field) % fields.len().max(1))?;
        let bit = usize::from(bit) % length;
        let from_the_left = from + length - 1 - bit;
        Some(Self { layer, field, bit, at: (view.start + from_the_left / 8, 0x80 >> (from_the_left % 8)) })
    }

    fn info(&self, template: &Packet) -> Option<&'static FieldInfo> {
        template.layers.get(self.layer)?.protocol().fields.get(self.field)
    }
}

fn changed_template<C: Code>(template: &Packet, chosen: &Chosen, frame: &Dissection<'_>, rules: &mut Rules) {
    let mut changed = template.clone();
    let value = frame.view(chosen.layer).and_then(|view| view.value(chosen.field));
    let (Some(layer), Some(Value::Bits(bits))) = (changed.layers.get_mut(chosen.layer), value) else { return };
    layer.set_at(chosen.field, Constraint::Exact(bits ^ 1 << chosen.bit));
    // Of several tags, another may be the one that is wanted.
    let alone = !layer.kind().may_lie_between() || kinds(frame).filter(|kind| *kind == layer.kind()).count() == 1;
    rules.keep("a template with another field does not match", !alone || !C::matches(&changed, frame));
    rules.keep("a report tells of another field", !alone || C::mismatches(&changed, frame) > 0);
}

fn kinds(frame: &Dissection<'_>) -> impl Iterator<Item = LayerKind> {
    headers(frame).map(|view| view.protocol.kind)
}

fn changed_frame<C: Code>(
    template: &Packet,
    chosen: &Chosen,
    frame: FrameRef<'_>,
    was: &Dissection<'_>,
    rules: &mut Rules,
) {
    let mut octets = frame.octets.to_vec();
    let (at, mask) = chosen.at;
    let Some(octet) = octets.get_mut(at) else { return };
    *octet ^= mask;
    let changed = Dissection::new(FrameRef::new(frame.mode, &octets));
    rules.keep("a frame with another field does not match", !C::matches(template, &changed));
    rules.keep("a report tells of a frame's other field", C::mismatches(template, &changed) > 0);
    let Some(info) = chosen.info(template) else { return };
    // A type or a length says which other fields there are, and whose the octets behind are.
    let fields = |frame: &Dissection<'_>| -> Vec<_> {
        headers(frame)
            .map(|view| {
                let places: Vec<_> = view.protocol.fields.iter().map(|info| info.range(view.header)).collect();
                (view.protocol.kind, view.header.len(), view.content.len(), places)
            })
            .collect()
    };
    if fields(&changed) != fields(was) {
        return;
    }
    let mut open = template.clone();
    if let Some(layer) = open.layers.get_mut(chosen.layer) {
        layer.unset(info.name);
    }
    rules.keep("with the field left open, the changed frame matches", C::matches(&open, &changed));
}

#[cfg(test)]
mod tests {
    use super::super::rules::tests::caught;
    use super::*;

    /// Forgets the hop limit of IPv4.
    fn without_ttl(template: &Packet) -> Packet {
        let mut template = template.clone();
        for layer in template.layers.iter_mut().filter(|layer| layer.kind() == LayerKind::Ipv4) {
            layer.unset("ttl");
        }
        template
    }

    struct IgnoresAField;

    impl Code for IgnoresAField {
        fn matches(template: &Packet, frame: &Dissection<'_>) -> bool {
            without_ttl(template).matches_dissection(frame)
        }

        fn mismatches(template: &Packet, frame: &Dissection<'_>) -> usize {
            without_ttl(template).mismatches(frame).1.len()
        }
    }

    struct NeverVerifies;

    impl Code for NeverVerifies {
        fn matches(template: &Packet, frame: &Dissection<'_>) -> bool {
            template.clone().unverified().matches_dissection(frame)
        }
    }

    struct ReportsNothing;

    impl Code for ReportsNothing {
        fn mismatches(_: &Packet, _: &Dissection<'_>) -> usize {
            0
        }
    }

    struct MatchesNothing;

    impl Code for MatchesNothing {
        fn matches(_: &Packet, _: &Dissection<'_>) -> bool {
            false
        }
    }

    #[test]
    fn broken_code_is_caught() {
        caught("matcher", rules::<IgnoresAField>, "a template with another field does not match");
        caught("matcher", rules::<NeverVerifies>, "verified, it matches what is sound");
        caught("matcher", rules::<ReportsNothing>, "a report tells of another field");
        caught("matcher", rules::<MatchesNothing>, "a frame matches the template of all that it is");
    }
}
