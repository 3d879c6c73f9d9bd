//! Values for the fields of a layer's table, whatever the protocol.

use std::cell::RefCell;
use std::collections::HashMap;

use proptest::prelude::*;

use crate::packet::build::write_header;
use crate::packet::field::Constraint;
use crate::packet::layer::{At, FieldInfo, Layer, Show};
use crate::packet::{FieldValue, LayerKind, protocol};
use crate::strategy::simpler::{choose, maybe, shrinking, smaller};
use crate::strategy::{address, port};

use super::shrink::simpler_fields;

/// Any value of so many bits, that one or above: the least, the next, the largest, and others.
fn number(bits: usize, least: u128) -> BoxedStrategy<u128> {
    let largest = u128::MAX >> 128_usize.saturating_sub(bits).min(127);
    let any = choose![
        2 => Just(least),
        1 => Just(least + 1),
        1 => Just(largest),
        4 => any::<u128>().prop_map(move |value| (value & largest).max(least)),
    ];
    shrinking(any, move |number| smaller(*number, least))
}

fn bits<T: FieldValue + std::fmt::Debug>(values: BoxedStrategy<T>) -> BoxedStrategy<u128> {
    values.prop_map(FieldValue::to_bits).boxed()
}

/// Values of a field: addresses and ports by their classes, where the field says which; else any number of its bits.
fn value(info: &FieldInfo, length: usize) -> BoxedStrategy<u128> {
    let is_sender = matches!(info.name, "src" | "sender" | "sender_mac");
    let is_group = matches!(info.name, "group" | "record_group");
    match (info.show, info.name) {
        (Show::Ipv4, _) if is_sender => bits(address::source_v4()),
        (Show::Ipv4, _) if is_group => bits(address::multicast_v4()),
        (Show::Ipv4, _) => bits(address::any_v4()),
        (Show::Ipv6, _) if is_sender => bits(address::source_v6()),
        (Show::Ipv6, _) if is_group => bits(address::multicast_v6()),
        (Show::Ipv6, _) => bits(address::any_v6()),
        (Show::Mac, _) if is_sender => bits(address::source_mac()),
        (Show::Mac, _) => bits(address::any_mac()),
        (_, "sport" | "dport") => bits(port::any_port()),
        // No packet is sent with 0.
        (_, "ttl" | "hop_limit") => number(length, 1),
        (Show::TcpFlags, _) => flags(),
        _ => number(length, 0),
    }
}

/// TCP's flags: such as stacks set in half of the cases, else any. Fewer are simpler.
fn flags() -> BoxedStrategy<u128> {
    // S, S., ., P., F., R, R.
    let usual = prop::sample::select(vec![0x02_u128, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14]);
    let any = choose![1 => usual, 1 => any::<u8>().prop_map(u128::from)];
    shrinking(any, |flags| fewer_bits(*flags))
}

/// The numbers with one bit less, after that with none.
pub(super) fn fewer_bits(number: u128) -> Vec<u128> {
    let each = (0..u128::BITS).map(|bit| 1 << bit).filter(|bit| number & bit != 0).map(|bit| number ^ bit);
    if number == 0 { Vec::new() } else { [0].into_iter().chain(each).collect() }
}

/// The fields that stand in a place of their own: index, description, bits.
fn placed(kind: LayerKind) -> impl Iterator<Item = (usize, &'static FieldInfo, usize)> {
    protocol(kind).fields.iter().enumerate().filter_map(|(index, info)| match info.at {
        At::Bits { length, .. } => Some((index, info, length)),
        _ => None,
    })
}

/// A layer of which about half of the fields are set, but not those that are computed and not the ones named.
pub(super) fn some(kind: LayerKind, without: &'static [&'static str]) -> BoxedStrategy<Layer> {
    filled(Layer::new(protocol(kind)), without)
}

/// The same with both ports, which no segment and no datagram leaves open.
pub(super) fn between_ports(kind: LayerKind) -> BoxedStrategy<Layer> {
    let ends = choose![
        3 => (port::source(), port::service()),
        2 => (port::service(), port::source()),
        1 => (port::any_port(), port::any_port()),
    ];
    plainer_layers((some(kind, &["sport", "dport"]), ends).prop_map(|(layer, (from, to))| {
        let mut whole = Layer::new(layer.protocol());
        whole.set("sport", Constraint::Exact(from.into()));
        whole.set("dport", Constraint::Exact(to.into()));
        whole.merge(&layer);
        whole
    }))
}

/// The same of a certain type: that decides which fields there are.
pub(super) fn typed(kind: LayerKind, field: &'static str, types: BoxedStrategy<u8>) -> BoxedStrategy<Layer> {
    // Made once for each type: there are dozens of strategies in one.
    let known = RefCell::new(HashMap::new());
    types
        .prop_flat_map(move |number| {
            let mut known = known.borrow_mut();
            let layers = known.entry(number).or_insert_with(|| {
                filled(Layer::new(protocol(kind)).with(field, Constraint::Exact(number.into())), &[])
            });
            layers.clone()
        })
        .boxed()
}

/// The layer with about half of those other fields set that its header has.
fn filled(layer: Layer, without: &'static [&'static str]) -> BoxedStrategy<Layer> {
    let header = write_header(&layer).unwrap_or_default();
    let fields: Vec<_> = placed(layer.kind())
        .filter(|(_, info, _)| !info.computed && !without.contains(&info.name) && layer.get(info.name).is_none())
        .filter(|(_, info, _)| info.range(&header).is_some())
        .map(|(index, info, bits)| maybe(value(info, bits)).prop_map(move |value| value.map(|value| (index, value))))
        .collect();
    let layers = fields.prop_map(move |values| {
        let mut layer = layer.clone();
        for (index, value) in values.into_iter().flatten() {
            layer.set_at(index, Constraint::Exact(value));
        }
        settled(layer)
    });
    plainer_layers(layers)
}

/// The layers, shrunk by what they set.
pub(super) fn plainer_layers(layers: impl Strategy<Value = Layer> + 'static) -> BoxedStrategy<Layer> {
    shrinking(layers, |layer| {
        let mut simpler = simpler_fields(layer);
        simpler.retain(|layer| settled(layer.clone()).constraints().count() == layer.constraints().count());
        simpler
    })
}

/// The layer without the fields that its own header does not have: those that another field overwrote.
fn settled(layer: Layer) -> Layer {
    let mut layer = layer;
    loop {
        let header = write_header(&layer).unwrap_or_default();
        let mut kept = Layer::new(layer.protocol());
        for (index, info, wanted) in layer.constraints() {
            if info.fits(wanted, &header) {
                kept.set_at(index, wanted.clone());
            }
        }
        if kept.constraints().count() == layer.constraints().count() {
            return kept;
        }
        layer = kept;
    }
}

/// Sets some field of the layer by hand, computed or not, to that value.
pub(super) fn tamper(layer: &mut Layer, field: prop::sample::Index, value: u128) {
    let fields: Vec<_> = placed(layer.kind()).collect();
    if fields.is_empty() {
        return;
    }
    let (index, _, bits) = *field.get(&fields);
    layer.set_at(index, Constraint::Exact(value & (u128::MAX >> 128_usize.saturating_sub(bits).min(127))));
}
