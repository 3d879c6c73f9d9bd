//! The exact template of a frame: the layers that build its octets again, whatever those are.
//!
//! Layer: `packet`. Each layer sets what building would not give of itself: first the fields that are not computed,
//! then those lengths, protocol numbers and checksums that are not what they have to be, from the octets that the header
//! carries. A layer that no fields reproduce (an option's odd length, a header that is too long for what it says)
//! becomes payload, together with what is inside.
//!
//! ```text
//!  frame     | Ethernet | IPv4 | UDP | content       | what the lengths leave over |
//!  template    Ethernet / Ipv4 / Udp / b"content"      .trailer(…)
//! ```

use std::ops::Range;

use super::build::{Completing, write_header};
use super::dissect::Dissection;
use super::field::{Constraint, Value};
use super::layer::{At, FieldInfo, Layer, LayerKind};
use super::options::{self, Found, OptionList};
use super::view::View;
use super::{Defaults, Packet, Payload, constructors, rust};
use crate::device::FrameRef;

impl Packet {
    /// The exact template of a frame: [`build`](Self::build) gives the frame's octets again, whatever they are and
    /// whatever the [`Defaults`], up to the octets of the largest frame.
    ///
    /// Fields that building fills in rightly of itself are left unset; so as a template it matches other frames, too.
    /// What is quoted or tunnelled becomes layers where no octet lies behind them that their lengths leave out.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{IntoPacket, Ipv4, Packet, Udp};
    ///
    /// let octets = (Ipv4::new().ttl(9) / Udp::new().sport(9).dport(53).checksum(1) / b"hi").build()?;
    /// let packet = Packet::from_frame(FrameRef::new(Mode::Tun, &octets));
    /// assert_eq!(packet.build()?, octets);
    /// let larger = packet.with(Udp::new().dport(54)).build()?;
    /// assert_eq!(larger.len(), octets.len());
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    pub fn from_frame(frame: FrameRef<'_>) -> Self {
        Self::from_layers(frame, |kind| kind != LayerKind::Payload)
    }

    /// The same with messages of applications as payloads, so that the template needs no feature.
    pub(crate) fn from_frame_without_messages(frame: FrameRef<'_>) -> Self {
        Self::from_layers(frame, |kind| !matches!(kind, LayerKind::Payload | LayerKind::Dns | LayerKind::Dhcp))
    }

    /// Takes the layers up to the first that is not to be one.
    fn from_layers(frame: FrameRef<'_>, is_layer: impl Fn(LayerKind) -> bool) -> Self {
        let dissection = Dissection::new(frame);
        let views: Vec<View<'_>> = dissection.views().take_while(|view| is_layer(view.protocol.kind)).collect();
        let mut keep = without_gaps(&views);
        loop {
            match of_layers(frame.octets, views.get(..keep).unwrap_or_default()) {
                Ok(packet) => return proven(packet, frame.octets, &views),
                // The layer that cannot be kept is one of those, so this ends.
                Err(unlike) => keep = unlike,
            }
        }
    }
}

/// How many layers stand before the first quoted or tunnelled one that ends before what carries it does.
fn without_gaps(views: &[View<'_>]) -> usize {
    views
        .windows(2)
        .position(|pair| matches!(pair, [around, inside] if inside.nesting > 0 && end(inside) < end(around)))
        .map_or(views.len(), |around| around + 1)
}

fn end(view: &View<'_>) -> usize {
    view.start + view.header.len() + view.content.len()
}

/// The packet of those layers, and payload; or which layer cannot be one.
fn of_layers(frame: &[u8], views: &[View<'_>]) -> Result<Packet, usize> {
    let Some(innermost) = views.last() else {
        return Ok(Packet::from_layer(payload(frame)));
    };
    let end = end(innermost);
    let payload = Some(innermost.content).filter(|content| !content.is_empty()).map(payload);
    let headers: Vec<(LayerKind, Vec<u8>)> =
        views.iter().map(|view| (view.protocol.kind, view.header.to_vec())).collect();
    let mut packet = Packet::any();
    for (index, view) in views.iter().enumerate() {
        let next = match views.get(index + 1) {
            Some(inside) => Some(inside.protocol.kind),
            None => payload.as_ref().map(Layer::kind),
        };
        let content = frame.get(view.start + view.header.len()..end).unwrap_or_default();
        let outer = headers.get(..index).unwrap_or_default();
        let mut ways = ways(view).filter_map(|layer| computed(layer, view, content, next, outer));
        packet.layers.push(ways.find(rust::is_printed).ok_or(index)?);
    }
    packet.layers.extend(payload);
    packet.trailer = frame.get(end..).unwrap_or_default().to_vec();
    Ok(packet)
}

fn payload(octets: &[u8]) -> Layer {
    Payload::new().octets(octets).into()
}

/// Defaults depend on more than one layer (a hop limit on the message inside): where they got in the way the hops are
/// set, or every field, and where that does not help the frame is octets.
fn proven(packet: Packet, frame: &[u8], views: &[View<'_>]) -> Packet {
    let builds = |packet: &Packet| packet.build_with(&Defaults::documentation()).is_ok_and(|octets| octets == frame);
    let pinned = |which: fn(&FieldInfo) -> bool| {
        let mut pinned = packet.clone();
        for (layer, view) in pinned.layers.iter_mut().zip(views) {
            for (index, info) in bits(view).filter(|(_, info)| which(info)) {
                set(layer, index, info.read(view.header));
            }
        }
        pinned
    };
    if builds(&packet) {
        return packet;
    }
    [pinned(|info| matches!(info.name, "ttl" | "hop_limit")), pinned(|info| !info.computed)]
        .into_iter()
        .find(builds)
        .unwrap_or_else(|| Packet::from_layer(payload(frame)))
}

/// Sets a field to what was read, if anything was.
pub(super) fn set(layer: &mut Layer, index: usize, value: Option<Value<'_>>) {
    match value {
        Some(Value::Bits(bits)) => layer.set_at(index, Constraint::Exact(bits)),
        Some(Value::Octets(octets)) => layer.set_at(index, Constraint::Octets(octets.into())),
        // Parts are written as the octets around them.
        Some(Value::Parts(_)) | None => {}
    }
}

/// The fields that have a place of their own in the header.
fn bits<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'static FieldInfo)> + use<'a> {
    view.protocol.fields.iter().enumerate().filter(|(_, info)| matches!(info.at, At::Bits { .. }))
}

/// The ways in which a layer might make that header, the one that reads best first: made by a constructor's name, with
/// each option as a field of its own, or with all options as they stand.
fn ways<'a>(view: &'a View<'_>) -> impl Iterator<Item = Layer> + 'a {
    let bare = uncomputed(view);
    let named = bare.as_ref().and_then(|layer| constructors::named(layer, view.header));
    named.into_iter().chain(bare).flat_map(|layer| with_options_in_each_way(layer, view))
}

/// The layer with all that has a place of its own, is not computed, and is not what building would give.
fn uncomputed(view: &View<'_>) -> Option<Layer> {
    let mut layer = Layer::new(view.protocol);
    // A link's addresses would stand in for these.
    for index in ["src", "dst"].into_iter().filter_map(|address| view.protocol.index(address)) {
        set(&mut layer, index, view.value(index));
    }
    let mut written = write_header(&layer).ok()?;
    for (index, info) in bits(view).filter(|(_, info)| !info.computed) {
        let wanted = info.read(view.header);
        if wanted.is_some() && info.read(&written) != wanted {
            set(&mut layer, index, wanted);
            if !is_put_in_place(view.protocol.behaviour.fixed, info, wanted, &mut written) {
                written = write_header(&layer).ok()?;
            }
        }
    }
    Some(layer)
}

/// Writes a value into a header that is written; `false` where the header has to be written anew, since its length
/// depends on the field, or the field is not in its fixed part.
fn is_put_in_place(fixed: fn(&[u8]) -> usize, info: &FieldInfo, value: Option<Value<'_>>, header: &mut [u8]) -> bool {
    let length = fixed(header);
    let is_inside = info.range(header).is_some_and(|range| range.end <= length);
    let Some(Value::Bits(bits)) = value.filter(|_| is_inside) else { return false };
    info.put_bits(bits, header);
    fixed(header) == length
}

/// From how many options on they are written as they stand: each looks for its place among all.
const MOST_OPTIONS: usize = 40;

fn with_options_in_each_way<'a>(layer: Layer, view: &'a View<'_>) -> impl Iterator<Item = Layer> + 'a {
    let list = options::list(view.protocol.kind);
    let found: Vec<Found> = list.map_or_else(Vec::new, |list| list.each(view.header).take(MOST_OPTIONS + 1).collect());
    let list = list.filter(|_| (1..=MOST_OPTIONS).contains(&found.len()));
    let bare = layer.clone();
    let listed = list.into_iter().flat_map(move |list| {
        let said = found.iter().rposition(|option| !list.framing.is_padding(option.kind)).map_or(0, |last| last + 1);
        let (found, bare) = (found.clone(), bare.clone());
        // Most layers are made in the first way, so the others are only made when they are asked for.
        [(said, true), (found.len(), true), (said, false), (found.len(), false)].into_iter().map(
            move |(options, named)| {
                let options = found.get(..options).unwrap_or_default();
                with_list(bare.clone(), view, list, options, named)
            },
        )
    });
    listed.chain(std::iter::once_with(move || with_fields(layer, view)).flatten())
}

/// Each option by the fields that name it, or else by its kind.
fn with_list(mut layer: Layer, view: &View<'_>, list: &'static OptionList, found: &[Found], by_name: bool) -> Layer {
    let mut seen = Vec::new();
    for option in found {
        let mut names = list.named.iter().filter(|(_, kind)| *kind == option.kind).peekable();
        let named = by_name && !seen.contains(&option.kind) && names.peek().is_some();
        seen.push(option.kind);
        let mut any = false;
        for index in names.filter_map(|(name, _)| view.protocol.index(name)).filter(|_| named) {
            let value = view.value(index);
            any |= value.is_some();
            set(&mut layer, index, value);
        }
        if !any {
            let value = view.header.get(option.value.clone()).unwrap_or_default();
            layer = layer.with_option(list, option.kind, Constraint::Octets(value.into()));
        }
    }
    layer
}

/// Each field that has no place of its own by itself, or those that hold others as they stand.
fn with_fields(layer: Layer, view: &View<'_>) -> Vec<Layer> {
    let mut found: Vec<_> = view
        .protocol
        .fields
        .iter()
        .enumerate()
        .filter(|(_, info)| !matches!(info.at, At::Bits { .. }))
        .filter_map(|(index, info)| Some((index, info.range(view.header)?, info.read(view.header)?)))
        // A first record alone says less than all of them.
        .filter(|(index, ..)| !view.protocol.fields.get(*index).is_some_and(|info| info.name.starts_with("record_")))
        .collect();
    found.sort_by_key(|(_, range, _)| range.start);
    let holds_another = |(index, range, _): &(usize, Range<usize>, Value<'_>)| {
        found.iter().any(|(other, inside, _)| {
            other != index && range.start <= inside.start && inside.end <= range.end && range != inside
        })
    };
    let (whole, single): (Vec<_>, Vec<_>) = found.iter().partition(|field| holds_another(field));
    let mut one_by_one = layer.clone();
    for (index, _, value) in single {
        set(&mut one_by_one, *index, Some(*value));
    }
    let as_they_stand = whole.into_iter().map(|(index, _, value)| {
        let mut layer = layer.clone();
        set(&mut layer, *index, Some(*value));
        layer
    });
    std::iter::once(one_by_one).chain(as_they_stand).collect()
}

/// The same with the options of that header, if they can be fields.
pub(super) fn with_options(layer: Layer, view: &View<'_>) -> Option<Layer> {
    with_options_in_each_way(layer, view).find(|layer| reproduces(layer.clone(), view))
}

/// Whether the layer makes its header once all that is computed is set.
fn reproduces(mut layer: Layer, view: &View<'_>) -> bool {
    for (index, info) in bits(view).filter(|(_, info)| info.computed) {
        set(&mut layer, index, info.read(view.header));
    }
    write_header(&layer).is_ok_and(|header| header == view.header)
}

/// The layer with those computed fields that are not what would be computed: lengths and numbers first, since checksums
/// cover them.
fn computed(
    mut layer: Layer,
    view: &View<'_>,
    content: &[u8],
    next: Option<LayerKind>,
    outer: &[(LayerKind, Vec<u8>)],
) -> Option<Layer> {
    let mut header = completed(&layer, content, next, outer)?;
    for checksums in [false, true] {
        let mut is_set = false;
        for (index, info) in bits(view).filter(|(_, info)| info.computed && (info.name == "checksum") == checksums) {
            let wanted = info.read(view.header);
            if info.read(&header) != wanted {
                set(&mut layer, index, wanted);
                is_set = true;
            }
        }
        if is_set {
            header = completed(&layer, content, next, outer)?;
        }
    }
    (header == view.header).then_some(layer)
}

fn completed(
    layer: &Layer,
    content: &[u8],
    next: Option<LayerKind>,
    outer: &[(LayerKind, Vec<u8>)],
) -> Option<Vec<u8>> {
    let mut header = write_header(layer).ok()?;
    (layer.protocol().behaviour.complete)(&mut header, &Completing::new(layer, content, next, outer));
    Some(header)
}
