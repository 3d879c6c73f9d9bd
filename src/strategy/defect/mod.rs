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

pub use name::{DefectName, Refusal};

use super::simpler::alternatives;
use crate::device::Mode;

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
    let frames = field::recipe(defect).or_else(|| truncated::recipe(defect)).or_else(|| trains::recipe(defect));
    let Some(frames) = frames else { unreachable!("{defect} has a recipe") };
    frames.prop_map(move |Frames { mode, frames, sound }| Defective { defect, mode, frames, sound }).boxed()
}

/// What a recipe makes.
#[derive(Clone, Debug)]
struct Frames {
    mode: Mode,
    frames: Vec<Vec<u8>>,
    sound: Vec<Vec<u8>>,
}
