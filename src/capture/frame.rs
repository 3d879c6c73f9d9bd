//! A recorded frame: what one packet block holds.

use std::borrow::Cow;
use std::time::Duration;

use super::InterfaceId;

/// Which way a frame went, seen from the interface as `tcpdump` on it would: from the host end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "in or out")]
pub enum Direction {
    /// The interface received it: the device end wrote it, the host got it.
    Inbound,
    /// The interface sent it: the host sent it, the device end read it.
    Outbound,
}

/// A recorded frame, borrowed or owned.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::capture::{CapturedFrame, Direction, Interface, PcapngWriter};
/// use tuntap_test::device::Mode;
///
/// # fn main() -> std::io::Result<()> {
/// let mut writer = PcapngWriter::new(Vec::new())?;
/// let tun0 = writer.add_interface(&Interface::new("tun0", Mode::Tun))?;
/// let frame = CapturedFrame::new(tun0, Duration::from_nanos(1), &[0x45, 0x00])
///     .with_direction(Direction::Outbound)
///     .with_comment("unexpected, tests/echo.rs:12");
/// writer.write_frame(&frame)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CapturedFrame<'a> {
    /// The interface.
    pub interface: InterfaceId,
    /// When, since the Unix epoch. Zero where a file tells no time (simple packet block).
    pub time: Duration,
    /// Which way, where it is known.
    pub direction: Option<Direction>,
    /// The octets kept, as the interface's link type has them.
    pub octets: Cow<'a, [u8]>,
    /// How many octets the frame had: more than [`octets`](Self::octets) where it was cut, never less.
    pub original_length: u32,
    /// Comments, in order.
    pub comments: Vec<Cow<'a, str>>,
    /// How many frames of the interface were lost since the one before, where it is known.
    pub drop_count: Option<u64>,
}

impl<'a> CapturedFrame<'a> {
    /// A whole frame: without direction, comments or losses.
    #[must_use]
    pub fn new(interface: InterfaceId, time: Duration, octets: impl Into<Cow<'a, [u8]>>) -> Self {
        let octets = octets.into();
        let original_length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        Self { interface, time, direction: None, octets, original_length, comments: Vec::new(), drop_count: None }
    }

    /// Says which way it went.
    #[must_use]
    pub const fn with_direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Adds a comment. A file holds the first 65,535 octets of each, and `␀` for a zero octet.
    #[must_use]
    pub fn with_comment(mut self, comment: impl Into<Cow<'a, str>>) -> Self {
        self.comments.push(comment.into());
        self
    }

    /// Says how many octets the frame had before it was cut. Less than there are is as many as there are.
    #[must_use]
    pub fn with_original_length(mut self, octets: u32) -> Self {
        self.original_length = octets.max(u32::try_from(self.octets.len()).unwrap_or(u32::MAX));
        self
    }

    /// Says how many frames of the interface were lost since the one before.
    #[must_use]
    pub const fn with_drop_count(mut self, frames: u64) -> Self {
        self.drop_count = Some(frames);
        self
    }

    /// Copies what is borrowed.
    #[must_use]
    pub fn into_owned(self) -> CapturedFrame<'static> {
        CapturedFrame {
            octets: Cow::Owned(self.octets.into_owned()),
            comments: self.comments.into_iter().map(|comment| Cow::Owned(comment.into_owned())).collect(),
            interface: self.interface,
            time: self.time,
            direction: self.direction,
            original_length: self.original_length,
            drop_count: self.drop_count,
        }
    }
}
