//! What sits behind the cable.

use std::time::Instant;

use crate::device::FrameRef;

/// A host at the far end of a cable: it gets what the device end writes and may answer, at once or later.
///
/// One thread at a time runs it, in the order in which the frames were written, and no lock of the cable is held
/// meanwhile: a stack may hold ends of its own cable and use them, but it cannot wait there. In real time it has run
/// before [`transmit`](crate::device::Device::transmit) returns, as with the kernel; in virtual time it runs when all
/// wait.
pub trait HostStack: Send {
    /// Takes one frame that arrives at that time (never empty of its mode's header rules, but otherwise unchecked) and
    /// gives to `out` each frame that it sends. A frame longer than the link's MTU is not sent: it counts as dropped.
    fn receive(&mut self, frame: FrameRef<'_>, now: Instant, out: &mut dyn FnMut(&[u8]));

    /// Does what is due at that time, such as a retransmission, and tells when there is something to do next. Called
    /// after frames have arrived and when that time has come.
    fn poll(&mut self, now: Instant, out: &mut dyn FnMut(&[u8])) -> Option<Instant> {
        let _ = (now, out);
        None
    }

    /// Whether there is something to do that it did not know of at the last [`poll`](Self::poll): a program at the host
    /// has used a socket.
    fn has_work(&self) -> bool {
        false
    }

    /// The link has come up or gone down, or has another MTU, in octets. Told before the next frame.
    fn link_changed(&mut self, up: bool, mtu: u32) {
        let _ = (up, mtu);
    }
}
