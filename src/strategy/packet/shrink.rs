//! From a sound packet to the sound packets that are simpler: fewer layers, fewer fields, documentation addresses, a short
//! payload.

use crate::device::{FrameRef, Mode};
use crate::packet::field::{Constraint, Value};
use crate::packet::layer::{At, FieldInfo, Layer, Show};
use crate::packet::{Dissection, FieldValue, Icmpv4, Icmpv6, IntoPacket, Ipv4, LayerKind, Packet};
use crate::strategy::simpler::{plainer, smaller};
use crate::strategy::{address, port};

use super::fields::fewer_bits;

/// What such a frame is of: a TAP where it begins with Ethernet.
fn mode(packet: &Packet) -> Mode {
    let tap = packet.layers.first().is_some_and(|layer| layer.kind() == LayerKind::Ethernet);
    if tap { Mode::Tap } else { Mode::Tun }
}

/// The simpler packets that are still sound and say what they are, the simplest first.
pub(super) fn simpler(packet: &Packet) -> Vec<Packet> {
    let with_layers = |layers: Vec<Layer>| Packet { layers, trailer: packet.trailer.clone(), ..Packet::any() };
    let mut all = Vec::new();
    if !packet.trailer.is_empty() {
        all.push(packet.clone().trailer([]));
    }
    all.extend(fewer_layers(&packet.layers).into_iter().map(with_layers));
    for (at, layer) in packet.layers.iter().enumerate() {
        let instead = |layer: Layer| {
            let mut layers = packet.layers.clone();
            if let Some(place) = layers.get_mut(at) {
                *place = layer;
            }
            with_layers(layers)
        };
        all.extend(simpler_layers(layer).into_iter().map(instead));
    }
    all.retain(is_sound);
    all
}

/// Whether it builds, is read as the layers that it has, and is right in lengths and checksums.
fn is_sound(packet: &Packet) -> bool {
    let Ok(octets) = packet.build() else { return false };
    let frame = FrameRef::new(mode(packet), &octets);
    let dissection = Dissection::new(frame);
    let kinds = packet.layers.iter().map(Layer::kind).take_while(|kind| *kind != LayerKind::Payload);
    dissection.error().is_none()
        && dissection.is_sound()
        && kinds.eq(dissection.kinds().take(packet.layers.len()).take_while(|kind| *kind != LayerKind::Payload))
        && packet.matches(frame)
}

fn fewer_layers(layers: &[Layer]) -> Vec<Vec<Layer>> {
    let mut all = Vec::new();
    // What stands in an IP packet: without Ethernet, without a tunnel, quoted by nobody.
    let ip = |(at, layer): (usize, &Layer)| (at > 0 && layer.kind().is_ip()).then_some(at);
    all.extend(layers.iter().enumerate().rev().filter_map(ip).filter_map(|at| layers.get(at..)).map(<[Layer]>::to_vec));
    // The same over IPv4.
    let transport = layers.iter().rposition(|layer| matches!(layer.kind(), LayerKind::Tcp | LayerKind::Udp));
    if let (Some(at), Some(LayerKind::Ipv6)) = (transport, layers.first().map(Layer::kind)) {
        let upper = layers.get(at..).unwrap_or_default();
        all.push([&[Ipv4::new().into()], upper].concat());
    }
    all.extend((1..layers.len()).filter_map(|end| layers.get(..end)).map(<[Layer]>::to_vec));
    all.extend((0..layers.len()).map(|without| {
        layers.iter().enumerate().filter(|(at, _)| *at != without).map(|(_, layer)| layer.clone()).collect()
    }));
    all
}

/// What a layer has to say, however plain it is.
fn is_pinned(layer: &Layer, info: &FieldInfo) -> bool {
    let echo =
        matches!(layer.kind(), LayerKind::Icmpv4 | LayerKind::Icmpv6) && ["code", "id", "seq"].contains(&info.name);
    echo || ["icmp_type", "igmp_type", "sport", "dport", "routing_type"].contains(&info.name)
}

/// The layer with those of its constraints that are kept, each as it is or as `change` makes it.
fn rebuilt(layer: &Layer, keep: impl Fn(usize) -> bool, change: Option<(usize, &Constraint)>) -> Layer {
    let mut whole = Layer::new(layer.protocol());
    for (index, info, constraint) in layer.constraints().filter(|(index, ..)| keep(*index)) {
        let constraint = change.filter(|(changed, _)| *changed == index).map_or(constraint, |(_, to)| to).clone();
        match info.at {
            At::Option { .. } => whole.set_option(*info, constraint),
            _ => whole.set_at(index, constraint),
        }
    }
    whole
}

fn simpler_layers(layer: &Layer) -> Vec<Layer> {
    let mut all = Vec::new();
    let echo: Option<Layer> = match layer.kind() {
        LayerKind::Icmpv4 => Some(Icmpv4::echo_request(1, 1).into()),
        LayerKind::Icmpv6 => Some(Icmpv6::echo_request(1, 1).into()),
        _ => None,
    };
    all.extend(echo.filter(|echo| format!("{layer:?}") != format!("{echo:?}")));
    if let (LayerKind::Payload, Some(Value::Octets(octets))) =
        (layer.kind(), layer.get("octets").and_then(Constraint::exact))
    {
        return plainer(octets, 0).into_iter().flat_map(|octets| octets.into_packet().layers).collect();
    }
    all.extend(simpler_fields(layer));
    all
}

/// The same layer with fewer fields set, or with simpler values in them.
pub(in crate::strategy) fn simpler_fields(layer: &Layer) -> Vec<Layer> {
    let mut all = Vec::new();
    let free: Vec<_> =
        layer.constraints().filter(|(_, info, _)| !is_pinned(layer, info)).map(|(index, ..)| index).collect();
    if free.len() > 1 {
        all.push(rebuilt(layer, |index| !free.contains(&index), None));
    }
    all.extend(free.iter().map(|without| rebuilt(layer, |index| index != *without, None)));
    for (index, info, constraint) in layer.constraints() {
        let values = simpler_values(layer, info, constraint);
        all.extend(values.iter().map(|value| rebuilt(layer, |_| true, Some((index, value)))));
    }
    all
}

fn simpler_values(layer: &Layer, info: &FieldInfo, constraint: &Constraint) -> Vec<Constraint> {
    fn of<T: FieldValue>(values: Vec<T>) -> Vec<u128> {
        values.into_iter().map(FieldValue::to_bits).collect()
    }
    let bits = match constraint.exact() {
        // An option that is there, whatever number is given.
        Some(Value::Bits(bits)) if info.name != "sack_permitted_kind" => bits,
        Some(Value::Octets(octets)) => {
            return plainer(octets, 0).into_iter().map(|octets| Constraint::Octets(octets.into())).collect();
        }
        _ => return Vec::new(),
    };
    let numbers = match (info.show, info.name) {
        (Show::Ipv4, _) => of(address::simpler_v4(FieldValue::from_bits(bits))),
        (Show::Ipv6, _) => of(address::simpler_v6(FieldValue::from_bits(bits))),
        (Show::Mac, _) => of(address::simpler_mac(FieldValue::from_bits(bits))),
        (Show::TcpFlags, _) => fewer_bits(bits),
        (_, "sport") => of(port::simpler_source(FieldValue::from_bits(bits))),
        (_, "dport") => of(port::simpler_service(FieldValue::from_bits(bits))),
        (_, "ttl" | "hop_limit" | "id" | "seq") => smaller(bits, 1),
        _ if is_pinned(layer, info) => Vec::new(),
        _ => smaller(bits, 0),
    };
    numbers.into_iter().map(Constraint::Exact).collect()
}
