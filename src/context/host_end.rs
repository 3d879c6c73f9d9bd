//! The host end of a link as raw frames.

use std::fmt;
use std::io;
use std::time::Instant;

use super::link::assert_ok;
use crate::device::{Deadline, Device, Frame, LARGEST_FRAME, patience};

/// The host end as raw frames: what the code under test writes at the device end arrives here, and what is sent here
/// it reads. The host's own stack sees the same frames.
pub struct HostEnd {
    end: Box<dyn Device>,
}

impl HostEnd {
    pub(super) fn new(end: Box<dyn Device>) -> Self {
        Self { end }
    }

    /// Puts a frame out of the host: an IP packet on TUN, an Ethernet frame on TAP.
    ///
    /// # Panics
    /// When the host refuses it: the interface is down, or the frame is longer than the MTU.
    #[track_caller]
    pub fn send(&self, frame: impl AsRef<[u8]>) {
        assert_ok(self.end.transmit(frame.as_ref()).map(drop), "send a frame from the host end");
    }

    /// The next frame written at the device end. Waits 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`).
    ///
    /// # Panics
    /// When none comes in that time.
    #[must_use]
    #[track_caller]
    pub fn receive(&self) -> Frame {
        assert_ok(self.try_receive(Deadline::After(patience())), "receive a frame at the host end")
    }

    /// As [`receive`](Self::receive), with a deadline of the caller's.
    ///
    /// # Errors
    /// `TimedOut` or `WouldBlock` as the deadline says.
    pub fn try_receive(&self, deadline: impl Into<Deadline>) -> io::Result<Frame> {
        let mut octets = vec![0; LARGEST_FRAME];
        let length = self.end.receive(&mut octets, deadline.into())?;
        octets.truncate(length);
        Ok(Frame::new(self.end.mode(), octets, Instant::now()))
    }

    /// The same as a device, for what takes one.
    #[must_use]
    pub fn device(&self) -> &dyn Device {
        self.end.as_ref()
    }
}

impl fmt::Debug for HostEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostEnd").field("mode", &self.end.mode()).finish_non_exhaustive()
    }
}
