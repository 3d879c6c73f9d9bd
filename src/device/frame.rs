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

/// Which way a frame went, as seen from the end of the link that the test holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a link has two ends")]
pub enum Direction {
    /// From the test to the other end.
    Sent,
    /// From the other end to the test.
    Received,
}

/// A frame of an exchange: its octets, its time and its direction.
///
/// Dereferences to its octets.
#[derive(Clone)]
pub struct Frame {
    mode: Mode,
    octets: Vec<u8>,
    time: Instant,
    direction: Direction,
}

impl Frame {
    /// A frame of that mode, read at that time.
    #[must_use]
    pub const fn new(mode: Mode, octets: Vec<u8>, time: Instant) -> Self {
        Self { mode, octets, time, direction: Direction::Received }
    }

    /// A frame of that mode that the test sent at that time.
    #[must_use]
    pub const fn sent(mode: Mode, octets: Vec<u8>, time: Instant) -> Self {
        Self { mode, octets, time, direction: Direction::Sent }
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

    /// When the link's reader took it off the device, or when it was sent (monotonic).
    #[must_use]
    pub const fn time(&self) -> Instant {
        self.time
    }

    /// Which way it went.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
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
