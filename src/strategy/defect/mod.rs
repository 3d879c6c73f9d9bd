//! Packets with exactly one defect, which has a name: what a stack must refuse, and nothing besides it that could be the
//! reason.
//!
//! Layer: `strategy`.
//!
//! A defective packet is a sound one in which one thing was changed; whatever covers that (a checksum over a length, say)
//! was computed again. The sound one comes along: a test that a stack refuses the one should see that it takes the other.
//!
//! All shrink towards the first defect of [`DefectName::ALL`], documentation addresses and few octets.
//!
//! ```
//! use proptest::prelude::*;
//! use tuntap_test::device::FrameRef;
//! use tuntap_test::packet::Dissection;
//! use tuntap_test::strategy::defect::{self, DefectName};
//!
//! proptest!(|(packet in defect::with_defect(DefectName::UdpChecksum))| {
//!     let wrong = |octets: &Vec<u8>| !Dissection::new(FrameRef::new(packet.mode, octets)).is_sound();
//!     prop_assert!(packet.frames.iter().all(wrong), "{}", packet.defect);
//!     prop_assert!(!packet.sound.iter().any(wrong));
//! });
//! ```

mod field;
mod name;
mod trains;
mod truncated;

use proptest::prelude::*;

use name::Families;
pub use name::{DefectName, Refusal};

use super::simpler::alternatives;
use crate::device::Mode;
use crate::packet::field::Constraint;
use crate::packet::layer::Layer;
use crate::packet::{Defaults, Ethernet, FieldValue, LayerKind, Packet};

/// A packet with a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Defective {
    /// What is wrong with it.
    pub defect: DefectName,
    /// What its frames are.
    pub mode: Mode,
    /// The frame; several where the defect is one of fragments, in the order in which they come.
    pub frames: Vec<Vec<u8>>,
    /// The same without the defect.
    pub sound: Vec<Vec<u8>>,
}

/// A packet with one defect, each of [`DefectName::ALL`] as often as the others. On a TUN mostly, else behind Ethernet.
/// Shrinks to the first defect with which a test fails, then as [`with_defect`].
pub fn defective() -> BoxedStrategy<Defective> {
    alternatives(DefectName::ALL.iter().copied().map(with_defect))
}

/// A packet with that defect. Shrinks to one without Ethernet (where the defect is not of that), from one documentation
/// address to the other, with as few octets as the defect needs.
pub fn with_defect(defect: DefectName) -> BoxedStrategy<Defective> {
    made(defect, Ends::Any)
}

/// A packet with one defect for a stack: from the peer of a link to its host, of those defects that a frame of that link
/// can have. Shrinks as [`defective`].
///
/// ```
/// use proptest::prelude::*;
/// use tuntap_test::packet::Defaults;
/// use tuntap_test::strategy::defect;
///
/// // In a test that was given a link: `tun.defaults()`.
/// let defaults = Defaults::documentation();
/// proptest!(|(packet in defect::defective_on(&defaults))| prop_assert!(!packet.frames.is_empty()));
/// ```
pub fn defective_on(link: &Defaults) -> BoxedStrategy<Defective> {
    alternatives(DefectName::ALL.iter().filter_map(|defect| with_defect_on(*defect, link)))
}

/// A packet with that defect for a stack: from the peer of a link to its host; `None` where no frame of that link can have
/// it, or the link lacks the family. Shrinks as [`with_defect`].
pub fn with_defect_on(defect: DefectName, link: &Defaults) -> Option<BoxedStrategy<Defective>> {
    let lacks = match defect.families() {
        Families::V4 => link.v4.is_none(),
        Families::V6 => link.v6.is_none(),
        Families::Both => link.v4.is_none() && link.v6.is_none(),
    };
    let impossible = link.mode == Some(Mode::Tun) && defect.is_of_ethernet();
    (!lacks && !impossible).then(|| made(defect, Ends::Of(link.clone())))
}

fn made(defect: DefectName, ends: Ends) -> BoxedStrategy<Defective> {
    let frames = field::recipe(defect, &ends)
        .or_else(|| truncated::recipe(defect, &ends))
        .or_else(|| trains::recipe(defect, &ends));
    let Some(frames) = frames else { unreachable!("{defect} has a recipe") };
    frames.prop_map(move |Frames { mode, frames, sound }| Defective { defect, mode, frames, sound }).boxed()
}

/// From where to where packets go.
#[derive(Clone, Debug)]
enum Ends {
    /// As they say themselves.
    Any,
    /// From the peer of that link to its host.
    Of(Defaults),
}

impl Ends {
    /// Packets of IPv4 and of IPv6: of those families that the link has.
    fn either(&self, v4: BoxedStrategy<Packet>, v6: BoxedStrategy<Packet>) -> BoxedStrategy<Packet> {
        match self {
            Self::Of(Defaults { v4: None, .. }) => v6,
            Self::Of(Defaults { v6: None, .. }) => v4,
            _ => alternatives([v4, v6]),
        }
    }

    /// Whether a packet is behind Ethernet, where its defect leaves that open.
    fn tap(&self) -> BoxedStrategy<bool> {
        match self {
            Self::Of(Defaults { mode: Some(mode), .. }) => Just(*mode == Mode::Tap).boxed(),
            _ => proptest::bool::weighted(0.25).boxed(),
        }
    }

    /// The packet between these ends, with all addresses set; behind Ethernet if it is to be.
    fn addressed(&self, packet: Packet, tap: bool) -> Packet {
        let mut packet = packet;
        if let Self::Of(link) = self {
            packet.layers.iter_mut().for_each(|layer| between(layer, link));
        }
        if tap && packet.layers.first().is_some_and(|layer| layer.kind() != LayerKind::Ethernet) {
            packet = Ethernet::new() / packet;
        }
        let defaults = match self {
            Self::Any => Defaults::documentation(),
            Self::Of(link) => Defaults { mode: None, ..link.clone() },
        };
        match defaults.fill(&packet.layers) {
            Ok(layers) => Packet { layers, ..packet },
            Err(_) => packet,
        }
    }
}

/// Leaves open where a layer goes, and asks for the host where it asks for somebody.
fn between(layer: &mut Layer, link: &Defaults) {
    match layer.kind() {
        LayerKind::Ipv4 | LayerKind::Ipv6 => {
            layer.unset("src");
            layer.unset("dst");
        }
        LayerKind::Icmpv6 if layer.is("icmp_type", 135) => {
            if let Some((_, host)) = link.v6 {
                layer.set("target", Constraint::Exact(host.to_bits()));
            }
        }
        LayerKind::Arp => {
            if let Some((peer, host)) = link.v4 {
                layer.set("sender", Constraint::Exact(peer.to_bits().into()));
                layer.set("target", Constraint::Exact(host.to_bits().into()));
            }
            layer.set("sender_mac", Constraint::Exact(FieldValue::to_bits(link.mac.0)));
        }
        _ => {}
    }
}

/// What a recipe makes.
#[derive(Clone, Debug)]
struct Frames {
    mode: Mode,
    frames: Vec<Vec<u8>>,
    sound: Vec<Vec<u8>>,
}
