//! Values for the fields of a layer's table, whatever the protocol.

use proptest::option;
use proptest::prelude::*;

use crate::packet::build::write_header;
use crate::packet::field::Constraint;
use crate::packet::layer::{At, FieldInfo, Layer};
use crate::packet::{LayerKind, protocol};

/// Any value of so many bits: 0, 1, the largest, and others.
fn number(bits: usize) -> impl Strategy<Value = u128> + Clone {
    let largest = u128::MAX >> 128_usize.saturating_sub(bits).min(127);
    prop_oneof![
        2 => Just(0),
        1 => Just(1),
        1 => Just(largest),
        4 => any::<u128>().prop_map(move |value| value & largest),
    ]
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

/// The same of a certain type: that decides which fields there are.
pub(super) fn typed(kind: LayerKind, field: &'static str, types: BoxedStrategy<u8>) -> BoxedStrategy<Layer> {
    types
        .prop_flat_map(move |number| {
            filled(Layer::new(protocol(kind)).with(field, Constraint::Exact(number.into())), &[])
        })
        .boxed()
}

/// The layer with about half of those other fields set that its header has.
fn filled(layer: Layer, without: &'static [&'static str]) -> BoxedStrategy<Layer> {
    let header = write_header(&layer).unwrap_or_default();
    let fields: Vec<_> = placed(layer.kind())
        .filter(|(_, info, _)| !info.computed && !without.contains(&info.name) && layer.get(info.name).is_none())
        .filter(|(_, info, _)| info.range(&header).is_some())
        .map(|(index, _, bits)| option::of(number(bits)).prop_map(move |value| value.map(|value| (index, value))))
        .collect();
    fields
        .prop_map(move |values| {
            let mut layer = layer.clone();
            for (index, value) in values.into_iter().flatten() {
                layer.set_at(index, Constraint::Exact(value));
            }
            settled(layer)
        })
        .boxed()
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
