//! A frame's template as the test writes it: without what the link fills in where it is sent, without what is not to be
//! checked where it is expected.
//!
//! Layer: `to_test`. What is left out of a packet to send is proven: it is built with the link's addresses and gives the
//! same octets. What is expected is held against its own frame.

use super::constants::Constants;
use super::layout::Code;
use super::link::Link;
use crate::device::FrameRef;
use crate::packet::field::Constraint;
use crate::packet::layer::{FieldInfo, Show};
use crate::packet::{Defaults, Dissection, Layer, LayerKind, Packet};

/// More flags than that are written as a number: their names would fill lines.
pub(super) const MOST_NAMED: u32 = 3;

/// Words that stand for numbers: in the layer that so many stand behind, for that field.
pub(super) type Words = Vec<(usize, &'static str, String)>;

/// Leaves out what building fills in.
pub(super) fn without_defaults(mut packet: Packet, octets: &[u8], defaults: &Defaults) -> Packet {
    let builds = |packet: &Packet| packet.build_with(defaults).is_ok_and(|built| built == octets);
    if !builds(&packet) {
        return packet;
    }
    let is_below = |layer: &Layer| matches!(layer.kind(), LayerKind::Ethernet | LayerKind::Ipv4 | LayerKind::Ipv6);
    let first = packet.layers.iter().position(|layer| !is_below(layer) && layer.kind() != LayerKind::Vlan);
    for at in 0..first.unwrap_or(packet.layers.len()) {
        for field in ["src", "dst", "ttl", "hop_limit"] {
            let mut simpler = packet.clone();
            if let Some(layer) = simpler.layers.get_mut(at).filter(|layer| is_below(layer)) {
                layer.unset(field);
            }
            if builds(&simpler) {
                packet = simpler;
            }
        }
    }
    while packet.layers.len() > 1 && packet.layers.first().is_some_and(|layer| is_below(layer) && is_open(layer)) {
        let mut simpler = packet.clone();
        simpler.layers.remove(0);
        if !builds(&simpler) {
            break;
        }
        packet = simpler;
    }
    packet
}

fn is_open(layer: &Layer) -> bool {
    layer.constraints().next().is_none()
}

/// Leaves out what the code under test chooses anew each time, or what its link does: hardware addresses but of groups,
/// identifications, whether routers may fragment it, the numbers of TCP.
pub(super) fn to_expect(mut packet: Packet) -> Packet {
    let carries_ip = packet.layers.iter().any(|layer| layer.kind().is_ip());
    let is_unknown = packet.layers.get(1).is_none_or(|layer| layer.kind() == LayerKind::Payload);
    if let Some(ethernet) = packet.layers.first_mut().filter(|layer| layer.kind() == LayerKind::Ethernet) {
        let is_group = ethernet.number("dst").is_some_and(|dst| dst >> 40 & 1 == 1);
        if is_group && !carries_ip {
            ethernet.unset("src");
        } else if is_unknown {
            ethernet.unset("src");
            ethernet.unset("dst");
        } else {
            packet.layers.remove(0);
        }
    }
    let mut is_quoted = false;
    for layer in &mut packet.layers {
        match layer.kind() {
            LayerKind::Ipv4 => ["id", "dont_fragment"].into_iter().for_each(|field| layer.unset(field)),
            LayerKind::Ipv6 => layer.unset("flow_label"),
            LayerKind::Fragment => layer.unset("id"),
            LayerKind::Icmpv4 | LayerKind::Icmpv6 => is_quoted = true,
            LayerKind::Udp if is_quoted => layer.unset("checksum"),
            LayerKind::Tcp => {
                let kept = ["sport", "dport", "flags"].map(|field| (field, layer.get(field).cloned()));
                *layer = Layer::new(layer.protocol());
                for (field, wanted) in kept {
                    if let Some(wanted) = wanted {
                        layer.set(field, wanted);
                    }
                }
            }
            _ => {}
        }
    }
    packet.trailer.clear();
    packet
}

/// The same, verified or not as the frame is sound; `None` where it does not match its own frame.
pub(super) fn proven(mut packet: Packet, frame: FrameRef<'_>) -> Option<Packet> {
    packet.verified = Dissection::new(frame).is_sound();
    packet.matches(frame).then_some(packet)
}

/// The template as Rust. `None` where it has no source.
pub(super) fn code(packet: &Packet, link: &Link, constants: &Constants, words: &Words) -> Option<Code> {
    let mut layers = Vec::with_capacity(packet.layers.len());
    for (at, layer) in packet.layers.iter().enumerate() {
        let behind = packet.layers.len() - at - 1;
        let name = if layer.kind() == LayerKind::Payload { "PAYLOAD" } else { "OCTETS" };
        let say = |info: &FieldInfo, wanted: &Constraint| {
            let word = words.iter().find(|(layer, field, _)| *layer == behind && *field == info.name);
            match (word, wanted) {
                (Some((.., word)), _) => Some(word.clone()),
                (None, Constraint::Exact(bits))
                    if matches!(info.show, Show::TcpFlags) && bits.count_ones() > MOST_NAMED =>
                {
                    Some(format!("TcpFlags({bits:#04x})"))
                }
                (None, Constraint::Exact(bits)) => link.word(info.show, *bits, constants),
                (None, Constraint::Octets(octets)) if !matches!(info.show, Show::Name | Show::Addresses) => {
                    // Several addresses would fill lines with the path of their type.
                    let few = match info.name {
                        "source_list" => 4,
                        "records" => 8,
                        "mld_records" => 20,
                        _ => usize::MAX,
                    };
                    (octets.len() > few)
                        .then(|| constants.octets(octets, name))
                        .or_else(|| constants.long(octets, name))
                }
                _ => None,
            }
        };
        let expression = layer.expression(at > 0, &say)?;
        layers.push(expression.calls.into_iter().fold(Code::Text(expression.start), Code::then));
    }
    if layers.is_empty() {
        return None;
    }
    let is_single = layers.len() == 1;
    let mut code = Code::stack(layers);
    if !packet.trailer.is_empty() {
        if is_single {
            code = code.then(".into_packet()");
        }
        code = code.then(format!(".trailer({})", constants.octets(&packet.trailer, "TRAILER")));
    }
    if !packet.verified {
        code = code.then(".unverified()");
    }
    Some(code)
}
