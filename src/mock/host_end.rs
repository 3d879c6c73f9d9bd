//! The host end as raw frames: what a packet socket (`AF_PACKET`) bound to the interface sees.

use std::io;
use std::sync::Arc;

use super::Owner;
use super::state::{LinkState, State, Tap};
use crate::codec::Framing;
use crate::device::{Clock, Deadline, Device, Mode};
use crate::errno::Errno;
use crate::fault::packet_info::ETHERNET_HEADER;

/// The host end of a [`Cable`](super::Cable) as raw frames: `receive` gives copies of what the device end wrote after
/// this end was made, `transmit` puts a frame out of the device.
///
/// Clones share one set of copies; each call of [`Cable::host_end`](super::Cable::host_end) has its own, at most 10,000
/// frames, after which the newest are dropped and counted. Never with packet information.
///
/// Errors are a packet socket's: ENETDOWN while the link is down (`receive` says it once and then waits), ENXIO from
/// `transmit` when the link was removed, EMSGSIZE for a frame longer than the MTU (with 14 octets of Ethernet header on
/// TAP, and 4 of a VLAN tag), EINVAL for an empty one, ENOBUFS where the device has no queue. One difference: after removal `receive` gives ENETDOWN for ever,
/// where a socket would wait for ever.
#[derive(Clone)]
pub struct HostEnd {
    tap: Arc<TapHandle>,
}

struct TapHandle {
    owner: Arc<Owner>,
    id: u64,
}

impl Drop for TapHandle {
    fn drop(&mut self) {
        self.owner.shared.lock().taps.remove(&self.id);
    }
}

impl HostEnd {
    pub(super) fn open(owner: Arc<Owner>) -> Self {
        let mut state = owner.shared.lock();
        let id = state.next_tap;
        state.next_tap += 1;
        let net_down = state.link != LinkState::Up;
        state.taps.insert(id, Tap { net_down, ..Tap::default() });
        drop(state);
        Self { tap: Arc::new(TapHandle { owner, id }) }
    }

    /// How many frames were lost because this end did not receive them in time (`tp_drops` of `PACKET_STATISTICS`).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.tap.owner.shared.settle();
        self.tap.owner.shared.lock().taps.get(&self.tap.id).map_or(0, |tap| tap.dropped)
    }

    fn try_receive(&self, state: &mut State, buffer: &mut [u8]) -> Option<io::Result<usize>> {
        let removed = state.link == LinkState::Removed;
        let tap = state.taps.get_mut(&self.tap.id)?;
        if std::mem::take(&mut tap.net_down) {
            return Some(Err(Errno::NetDown.into()));
        }
        match tap.copies.pop_front() {
            Some(copy) => {
                for (to, from) in buffer.iter_mut().zip(&copy) {
                    *to = *from;
                }
                Some(Ok(copy.len().min(buffer.len())))
            }
            None => removed.then(|| Err(Errno::NetDown.into())),
        }
    }
}

impl Device for HostEnd {
    fn mode(&self) -> Mode {
        self.tap.owner.shared.mode
    }

    fn name(&self) -> io::Result<String> {
        self.tap.owner.shared.present()?;
        Ok(self.tap.owner.shared.name.clone())
    }

    fn mtu(&self) -> io::Result<u32> {
        self.tap.owner.shared.present()
    }

    fn framing(&self) -> Framing {
        Framing::None
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        let shared = &self.tap.owner.shared;
        shared.touch();
        let mut state = shared.lock();
        let least = match shared.mode {
            Mode::Tun => 1,
            Mode::Tap => ETHERNET_HEADER,
        };
        let errno = match state.link {
            LinkState::Removed => Some(Errno::NoSuchDevice),
            LinkState::Down => Some(Errno::NetDown),
            LinkState::Up if octets.len() < least => Some(Errno::Invalid),
            LinkState::Up if octets.len() > state.longest_frame(shared.mode, octets) => Some(Errno::MessageSize),
            // A device without a queue has no queueing discipline either, so that its refusal comes back.
            LinkState::Up if state.queue_length == 0 => Some(Errno::NoBuffers),
            LinkState::Up => None,
        };
        if let Some(errno) = errno {
            if errno == Errno::NoBuffers {
                state.statistics.tx_dropped += 1;
            }
            return Err(errno.into());
        }
        state.to_device.push((self.tap.id, octets.to_vec()));
        drop(state);
        shared.work();
        Ok(octets.len())
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        let shared = &self.tap.owner.shared;
        shared.wait(
            "receive at the host end",
            deadline,
            |state| self.try_receive(state, buffer),
            |state| state.taps.get_mut(&self.tap.id).is_some_and(|tap| std::mem::take(&mut tap.interrupted)),
        )
    }

    fn interrupt(&self) {
        let shared = &self.tap.owner.shared;
        if let Some(tap) = shared.lock().taps.get_mut(&self.tap.id) {
            tap.interrupted = true;
        }
        shared.wake_all();
    }

    fn clock(&self) -> Clock {
        self.tap.owner.shared.clock.clone()
    }
}

impl std::fmt::Debug for HostEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HostEnd({})", self.tap.owner.shared.name)
    }
}
