//! Simpler frames: of a packet its payload, layers, options and fields; of what is none its octets.
//!
//! A frame is read as the template that builds it ([`Packet::from_frame`]), whose lengths and checksums are open where they
//! are right. So what is changed is built with right ones, and a wrong one is kept only where the test needs it.

use super::ddmin::UsedUp;
use super::script::Search;
use crate::device::{FrameRef, Mode};
use crate::fuzz::{Script, Step};
use crate::packet::field::{Constraint, FieldValue};
use crate::packet::layer::{At, FieldInfo};
use crate::packet::{Defaults, Layer, LayerKind, Packet, protocol};

impl<Fails: FnMut(&Script) -> bool> Search<Fails> {
    /// Makes the frame of that step as simple as it can be.
    pub(super) fn frame(&mut self, at: usize) -> Result<(), UsedUp> {
        loop {
            let before = self.best.steps().get(at).cloned();
            match self.packet(at) {
                Some(packet) if is_octets(&packet) => self.raw(at)?,
                Some(_) => self.layers(at)?,
                None => return Ok(()),
            }
            if self.best.steps().get(at) == before.as_ref() {
                return Ok(());
            }
        }
    }

    /// The frame's template.
    fn packet(&self, at: usize) -> Option<Packet> {
        let (Step::Frame(octets) | Step::Observed(octets)) = self.best.steps().get(at)? else { return None };
        Some(Packet::from_frame(FrameRef::new(self.best.mode(), octets)))
    }

    /// The step with those octets as its frame.
    fn with_octets(&self, at: usize, octets: &[u8]) -> Option<Step> {
        Some(match self.best.steps().get(at)? {
            Step::Observed(_) => Step::Observed(octets.to_vec()),
            _ => Step::Frame(octets.to_vec()),
        })
    }

    /// Takes the packet's frame, if it builds and the test fails with it.
    fn take(&mut self, at: usize, packet: &Packet) -> Result<bool, UsedUp> {
        let step = built(self.best.mode(), packet).and_then(|octets| self.with_octets(at, &octets));
        self.first_of(at, step)
    }

    fn raw(&mut self, at: usize) -> Result<(), UsedUp> {
        let Some(Step::Frame(octets) | Step::Observed(octets)) = self.best.steps().get(at).cloned() else {
            return Ok(());
        };
        let observed = matches!(self.best.steps().get(at), Some(Step::Observed(_)));
        let step = |octets: &[u8]| match observed {
            true => Step::Observed(octets.to_vec()),
            false => Step::Frame(octets.to_vec()),
        };
        self.octets(at, &octets, &|octets| Some(step(octets)))
    }

    fn layers(&mut self, at: usize) -> Result<(), UsedUp> {
        self.plain(at)?;
        self.open_what_is_computed(at)?;
        if let Some(packet) = self.packet(at).filter(|packet| !packet.trailer.is_empty()) {
            self.take(at, &packet.trailer([]))?;
        }
        self.fewer_layers(at)?;
        let mut index = 0;
        while let Some(layer) = self.packet(at).and_then(|packet| packet.layers.get(index).cloned()) {
            let bare = Layer::new(layer.protocol());
            if !self.replace(at, index, bare)? {
                self.fields(at, index)?;
            }
            index += 1;
        }
        Ok(())
    }

    /// The layers as a person writes them: nothing set, nothing around the IP header, no payload.
    fn plain(&mut self, at: usize) -> Result<(), UsedUp> {
        let Some(packet) = self.packet(at) else { return Ok(()) };
        let kinds = packet.layers.iter().map(Layer::kind);
        let kinds: Vec<_> = kinds.filter(|kind| !kind.may_lie_between() && *kind != LayerKind::Payload).collect();
        let of = |kinds: &[LayerKind]| {
            let mut packet = Packet::any();
            packet.layers.extend(kinds.iter().map(|kind| Layer::new(protocol(*kind))));
            packet
        };
        let transport = |kind: &LayerKind| matches!(kind, LayerKind::Udp | LayerKind::Tcp);
        let over_v4 = kinds.last().filter(|kind| transport(kind)).map(|kind| of(&[LayerKind::Ipv4, *kind]));
        for simple in over_v4.into_iter().chain([of(&kinds)]) {
            if self.take(at, &simple)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Lengths, checksums and protocol numbers: all of them right, or else as many as can be.
    fn open_what_is_computed(&mut self, at: usize) -> Result<(), UsedUp> {
        let Some(packet) = self.packet(at) else { return Ok(()) };
        let mut open = packet.clone();
        let mut set = Vec::new();
        for (index, layer) in open.layers.iter_mut().enumerate() {
            for info in layer.protocol().fields.iter().filter(|info| info.computed) {
                if layer.get(info.name).is_some() {
                    set.push((index, info.name));
                    layer.unset(info.name);
                }
            }
        }
        if set.is_empty() || self.take(at, &open)? {
            return Ok(());
        }
        for (index, name) in set {
            if let Some(mut packet) = self.packet(at)
                && let Some(layer) = packet.layers.get_mut(index)
            {
                layer.unset(name);
                self.take(at, &packet)?;
            }
        }
        Ok(())
    }

    /// Without what is inside, or without what is outside, of each layer; and without the one itself.
    fn fewer_layers(&mut self, at: usize) -> Result<(), UsedUp> {
        let count = |search: &Self| search.packet(at).map_or(0, |packet| packet.layers.len());
        let mut index = 0;
        while index < count(self) {
            let Some(packet) = self.packet(at) else { break };
            let with = |layers: &[Layer]| Packet { layers: layers.to_vec(), ..packet.clone() };
            let (outside, inside) = packet.layers.split_at_checked(index + 1).unwrap_or_default();
            let without = [outside.get(..index).unwrap_or_default(), inside].concat();
            let mut any = !inside.is_empty() && self.take(at, &with(outside))?;
            if !any && !without.is_empty() {
                any = self.take(at, &with(&without))?;
            }
            if !any {
                index += 1;
            }
        }
        Ok(())
    }

    fn replace(&mut self, at: usize, index: usize, layer: Layer) -> Result<bool, UsedUp> {
        let Some(mut packet) = self.packet(at) else { return Ok(false) };
        match packet.layers.get_mut(index) {
            Some(place) => *place = layer,
            None => return Ok(false),
        }
        self.take(at, &packet)
    }

    /// Each field of a layer: unset, or with a simpler value; options first, all of them or some that make one together.
    fn fields(&mut self, at: usize, index: usize) -> Result<(), UsedUp> {
        let settings_of = |search: &Self| search.packet(at)?.layers.get(index).map(Settings::of);
        if let Some(settings) = settings_of(self) {
            self.replace(at, index, settings.only(|info| matches!(info.at, At::Bits { .. })))?;
        }
        let mut field = 0;
        while let Some(settings) = settings_of(self).filter(|settings| field < settings.fields.len()) {
            let mut shorter = false;
            for several in (1..=MOST_OF_AN_OPTION).rev() {
                let before = settings.fields.len();
                if settings.are_options(field, several) || several == 1 {
                    self.replace(at, index, settings.without(field, several))?;
                    let now = settings_of(self).map_or(0, |now| now.fields.len());
                    shorter = now < before;
                }
                if shorter {
                    break;
                }
            }
            if !shorter {
                self.value(at, index, field)?;
                field += 1;
            }
        }
        Ok(())
    }

    fn value(&mut self, at: usize, index: usize, field: usize) -> Result<(), UsedUp> {
        let (Some(packet), mode) = (self.packet(at), self.best.mode()) else { return Ok(()) };
        let Some(settings) = packet.layers.get(index).map(Settings::of) else { return Ok(()) };
        let Some((_, info, wanted)) = settings.fields.get(field) else { return Ok(()) };
        let observed = matches!(self.best.steps().get(at), Some(Step::Observed(_)));
        let with_layer = |layer: Layer| {
            let mut packet = packet.clone();
            *packet.layers.get_mut(index)? = layer;
            let octets = built(mode, &packet)?;
            Some(if observed { Step::Observed(octets) } else { Step::Frame(octets) })
        };
        if with_layer(settings.without(field, 1)).as_ref() == self.best.steps().get(at) {
            // It says what building would give of itself, as addresses do.
            return Ok(());
        }
        let step = |value: Constraint| with_layer(settings.with(field, &value));
        let exact = |bits: u128| step(Constraint::Exact(bits));
        match wanted {
            Constraint::Octets(octets) => self.octets(at, octets, &|octets| step(Constraint::Octets(octets.into()))),
            Constraint::Exact(bits) if (settings.layer.kind(), info.name) == (LayerKind::Tcp, "flags") => {
                let mut bits = *bits;
                for flag in (0..8).map(|bit| 1_u128 << bit) {
                    if bits & flag != 0 && self.first_of(at, exact(bits & !flag))? {
                        bits &= !flag;
                    }
                }
                Ok(())
            }
            Constraint::Exact(bits) => match known(settings.layer.kind(), info) {
                Some(known) => {
                    let simpler = known.into_iter().take_while(|known| known != bits);
                    self.first_of(at, simpler.filter_map(exact)).map(|_| ())
                }
                None => self.number(at, *bits, &exact),
            },
            _ => Ok(()),
        }
    }
}

/// As many fields at most make one option together: a prefix of a router advertisement.
const MOST_OF_AN_OPTION: usize = 5;

/// A layer and what it sets.
struct Settings {
    layer: Layer,
    fields: Vec<(usize, FieldInfo, Constraint)>,
}

impl Settings {
    fn of(layer: &Layer) -> Self {
        let fields = layer.constraints().map(|(index, info, wanted)| (index, *info, wanted.clone())).collect();
        Self { layer: Layer::new(layer.protocol()), fields }
    }

    fn are_options(&self, from: usize, several: usize) -> bool {
        let fields = self.fields.get(from..from + several);
        fields.is_some_and(|fields| fields.iter().all(|(_, info, _)| !matches!(info.at, At::Bits { .. })))
    }

    fn only(&self, kept: impl Fn(&FieldInfo) -> bool) -> Layer {
        self.changed(|_, info, wanted| kept(info).then(|| wanted.clone()))
    }

    fn without(&self, from: usize, several: usize) -> Layer {
        self.changed(|number, _, wanted| (!(from..from + several).contains(&number)).then(|| wanted.clone()))
    }

    fn with(&self, field: usize, value: &Constraint) -> Layer {
        self.changed(|number, _, wanted| Some(if number == field { value.clone() } else { wanted.clone() }))
    }

    fn changed(&self, wanted: impl Fn(usize, &FieldInfo, &Constraint) -> Option<Constraint>) -> Layer {
        let mut layer = self.layer.clone();
        for (number, (index, info, before)) in self.fields.iter().enumerate() {
            let Some(wanted) = wanted(number, info, before) else { continue };
            match info.at {
                At::Option { .. } => layer.set_option(*info, wanted),
                _ => layer.set_at(*index, wanted),
            }
        }
        layer
    }
}

/// The addresses of the two ends, for a field that is an address.
fn known(kind: LayerKind, info: &FieldInfo) -> Option<[u128; 2]> {
    let Defaults { v4, v6, mac, .. } = Defaults::documentation();
    let length = match info.at {
        At::Bits { length, .. } => length,
        _ => return None,
    };
    let ends = |from: u128, to: u128| Some([to, from]);
    match length {
        128 => v6.and_then(|(from, to)| ends(from.to_bits(), to.to_bits())),
        48 => ends(mac.0.to_bits(), mac.1.to_bits()),
        32 if matches!(kind, LayerKind::Ipv4 | LayerKind::Arp) => {
            v4.and_then(|(from, to)| ends(from.to_bits().into(), to.to_bits().into()))
        }
        _ => None,
    }
}

/// Whether nothing of the frame could be read as a header.
fn is_octets(packet: &Packet) -> bool {
    matches!(&*packet.layers, [] | [_]) && packet.layers.iter().all(|layer| layer.kind() == LayerKind::Payload)
}

fn built(mode: Mode, packet: &Packet) -> Option<Vec<u8>> {
    packet.build_with(&Defaults { mode: Some(mode), ..Defaults::documentation() }).ok()
}
