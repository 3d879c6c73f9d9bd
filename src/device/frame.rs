//! A frame: the octets of one read or one write, without packet information. Owned, or borrowed with its mode.

use std::fmt;
use std::ops::Deref;
use std::time::Instant;

use super::Mode;

/// The octets of the largest frame: an IP packet of 65,535 behind an Ethernet header with one VLAN tag.
pub(crate) const LARGEST_FRAME: usize = 65_535 + 18;

/// A borrowed frame together with the mode that tells how it begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FrameRef<'a> {
    /// IP packet or Ethernet frame.
    pub mode: Mode,
    /// The frame, in network byte order, without packet information.
    pub octets: &'a [u8],
}

impl<'a> FrameRef<'a> {
    /// A frame of that mode.
    #[must_use]
    pub const fn new(mode: Mode, octets: &'a [u8]) -> Self {
        Self { mode, octets }
    }
}

impl fmt::Debug for FrameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} frame of {} octets [", self.mode, self.octets.len())?;
        for octet in self.octets {
            write!(f, "{octet:02x}")?;
        }
        f.write_str("]")
    }
}

/// A frame that arrived: its octets and when it was read.
///
/// Dereferences to its octets.
#[derive(Clone)]
pub struct Frame {
    mode: Mode,
    octets: Vec<u8>,
    received: Instant,
}

impl Frame {
    /// A frame of that mode, read at that time.
    #[must_use]
    pub const fn new(mode: Mode, octets: Vec<u8>, received: Instant) -> Self {
        Self { mode, octets, received }
    }

    /// The frame with its mode, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> FrameRef<'_> {
        FrameRef::new(self.mode, &self.octets)
    }

    /// The octets.
    #[must_use]
    pub fn into_octets(self) -> Vec<u8> {
        self.octets
    }

    /// When the link's reader took it off the device (monotonic).
    #[must_use]
    pub const fn received(&self) -> Instant {
        self.received
    }

    /// IP packet or Ethernet frame.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }
}

impl Deref for Frame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}
