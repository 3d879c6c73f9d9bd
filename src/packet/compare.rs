//! Holds a frame against a template: does it match, and if not, what differs and where.
//!
//! Layer: `packet`. Anchoring: the template's first layer is found anywhere in the frame, but not in what is quoted or
//! tunnelled; the others follow without gap, except that VLAN tags and IPv6 extension headers may lie between. An
//! unnamed payload matches anything. Matching allocates nothing; explaining does.

use std::ops::{ControlFlow, Range};

use super::Packet;
use super::dissect::Dissection;
use super::field::{Constraint, Value};
use super::layer::{FieldInfo, Layer, LayerKind};
use super::verify::Defect;
use crate::device::FrameRef;

/// One way in which a frame is not what a template wants. Borrows both.
pub(crate) enum Mismatch<'a> {
    /// There is another layer, or none, where this one should be.
    Layer { wanted: LayerKind, got: Option<LayerKind> },
    /// A field is not what it must be.
    Field {
        layer: LayerKind,
        info: &'a FieldInfo,
        wanted: &'a Constraint,
        got: Option<Value<'a>>,
        /// The field's octets in the frame.
        octets: Option<Range<usize>>,
    },
    /// A length or checksum is wrong.
    Defect(Defect),
}

/// How far a frame is from a template: fewer layers missing is nearer, then fewer fields wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Distance {
    pub(crate) layers: usize,
    pub(crate) fields: usize,
}

impl Packet {
    /// Whether a frame is what this template wants.
    ///
    /// ```
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::packet::{IntoPacket, Ipv4, Udp};
    ///
    /// let octets = (Ipv4::new() / Udp::new().sport(9).dport(53) / b"hi").build()?;
    /// let frame = FrameRef::new(Mode::Tun, &octets);
    /// assert!(Udp::new().dport(1..=1023).into_packet().matches(frame));
    /// assert!(!Udp::new().dport(54).into_packet().matches(frame));
    /// # Ok::<(), tuntap_test::packet::BuildError>(())
    /// ```
    #[must_use]
    pub fn matches(&self, frame: FrameRef<'_>) -> bool {
        self.matches_dissection(&Dissection::new(frame))
    }

    /// As [`matches`](Self::matches), for a frame that is taken apart already: several templates share the work.
    #[must_use]
    pub fn matches_dissection(&self, frame: &Dissection<'_>) -> bool {
        let stop = |_: Mismatch<'_>| ControlFlow::Break(());
        let fits = match self.layers.first().map(Layer::kind) {
            None => true,
            Some(LayerKind::Payload) => self.whole_frame(frame, &mut { stop }).is_continue(),
            Some(first) => (0..frame.len())
                .any(|at| frame.kind(at) == Some((first, 0)) && self.walk_from(frame, at, &mut { stop }).is_continue()),
        };
        fits && (!self.verified || frame.is_sound())
    }

    /// Tells every mismatch at the anchor where there are fewest, and how far the frame is off.
    pub(crate) fn mismatches<'a>(&'a self, frame: &Dissection<'a>) -> (Distance, Vec<Mismatch<'a>>) {
        let mut best: Option<(Distance, Vec<Mismatch<'a>>)> = None;
        match self.layers.first().map(Layer::kind) {
            None => best = Some((Distance::default(), Vec::new())),
            Some(LayerKind::Payload) => {
                let mut found = Vec::new();
                let _ = self.whole_frame(frame, &mut |mismatch| {
                    found.push(mismatch);
                    ControlFlow::Continue(())
                });
                best = Some((Distance { layers: 0, fields: found.len() }, found));
            }
            Some(first) => {
                for at in (0..frame.len()).filter(|at| frame.kind(*at) == Some((first, 0))) {
                    let mut found = Vec::new();
                    let mut distance = Distance::default();
                    let _ = self.walk_from(frame, at, &mut |mismatch| {
                        match &mismatch {
                            Mismatch::Layer { .. } => distance.layers += 1,
                            _ => distance.fields += 1,
                        }
                        found.push(mismatch);
                        ControlFlow::Continue(())
                    });
                    if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                        best = Some((distance, found));
                    }
                }
            }
        }
        let (mut distance, mut found) = best.unwrap_or_else(|| {
            let missing = self.layers.first().map(Layer::kind);
            let missing = missing.map(|wanted| Mismatch::Layer { wanted, got: instead(frame, wanted) });
            (Distance { layers: self.layers.len(), fields: 0 }, missing.into_iter().collect())
        });
        if self.verified {
            frame.verify(|defect| {
                distance.fields += 1;
                found.push(Mismatch::Defect(defect));
            });
        }
        (distance, found)
    }

    /// A template of octets alone is the whole frame.
    fn whole_frame<'a>(
        &'a self,
        frame: &Dissection<'a>,
        tell: &mut impl FnMut(Mismatch<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        self.layers.iter().try_for_each(|layer| payload(layer, frame.frame(), 0, tell))
    }

    fn walk_from<'a>(
        &'a self,
        frame: &Dissection<'a>,
        anchor: usize,
        tell: &mut impl FnMut(Mismatch<'a>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut at = anchor;
        for (number, layer) in self.layers.iter().enumerate() {
            if number > 0 {
                if layer.kind() == LayerKind::Payload {
                    let Some(view) = frame.view(at) else { continue };
                    payload(layer, view.content, view.start + view.header.len(), tell)?;
                    continue;
                }
                at = next(frame, at + 1, layer);
            }
            let got = frame.kind(at).map(|(kind, _)| kind);
            if got != Some(layer.kind()) {
                // What follows has nothing to be compared with.
                return tell(Mismatch::Layer { wanted: layer.kind(), got });
            }
            let (start, header) = frame.header_at(at);
            for (_, info, wanted) in layer.constraints() {
                if !info.fits(wanted, header) {
                    let got = info.read(header);
                    let octets = info.range(header).map(|range| start + range.start..start + range.end);
                    tell(Mismatch::Field { layer: layer.kind(), info, wanted, got, octets })?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// What a frame has in the place of a layer that is nowhere in it.
fn instead(frame: &Dissection<'_>, wanted: LayerKind) -> Option<LayerKind> {
    /// How far from the wire.
    const fn height(kind: LayerKind) -> u8 {
        match kind {
            LayerKind::Ethernet | LayerKind::Vlan => 0,
            LayerKind::Arp | LayerKind::Ipv4 | LayerKind::Ipv6 => 1,
            LayerKind::Dns | LayerKind::Dhcp => 3,
            LayerKind::Payload => 4,
            _ => 2,
        }
    }
    let mut kinds = (0..frame.len()).map_while(|at| frame.kind(at).filter(|(_, nesting)| *nesting == 0));
    let mut last = None;
    kinds
        .find_map(|(kind, _)| {
            // What ARP carries is its own.
            let known = last.replace(kind).filter(|_| kind == LayerKind::Payload);
            (height(kind) >= height(wanted)).then_some(known.filter(|below| *below == LayerKind::Arp).unwrap_or(kind))
        })
        .or(last)
}

/// Where the layer is that a template names behind another: there, or behind VLAN tags and extension headers. Of several
/// of its kind the first that it fits, else the first.
fn next(frame: &Dissection<'_>, from: usize, layer: &Layer) -> usize {
    let mut first = None;
    let mut at = from;
    while let Some((kind, _)) = frame.kind(at) {
        if kind == layer.kind() {
            let (_, header) = frame.header_at(at);
            let fits = || layer.constraints().all(|(_, info, wanted)| info.fits(wanted, header));
            if !kind.may_lie_between() || fits() {
                return at;
            }
            first = first.or(Some(at));
        }
        if !kind.may_lie_between() {
            break;
        }
        at += 1;
    }
    first.unwrap_or(at)
}

/// Holds a payload layer against octets that begin at that place of the frame.
fn payload<'a>(
    layer: &'a Layer,
    octets: &'a [u8],
    start: usize,
    tell: &mut impl FnMut(Mismatch<'a>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    for (_, info, wanted) in layer.constraints() {
        if !info.fits(wanted, octets) {
            let got = info.read(octets);
            let octets = info.range(octets).map(|range| start + range.start..start + range.end);
            tell(Mismatch::Field { layer: layer.kind(), info, wanted, got, octets })?;
        }
    }
    ControlFlow::Continue(())
}
