//! The device end: what a program that holds a TUN/TAP file descriptor sees.

use std::io;
use std::sync::Arc;

use super::Owner;
use super::state::{LinkState, Queued, Shared, State, Written, is_known_protocol};
use crate::codec::Framing;
use crate::device::{Clock, Deadline, Device, Mode, PacketInfoMode};
use crate::errno::Errno;
use crate::fault::packet_info::{ETHERNET_HEADER, protocol_of};
use crate::fault::{Call, CallFault, packet_info, refusal};

/// The most copies that a host end keeps while nobody receives; then the newest are dropped, as a packet socket does.
pub(super) const MOST_COPIES: usize = 10_000;

/// The device end of a [`Cable`](super::Cable). Clones are the same end, like duplicates of a file descriptor.
#[derive(Clone)]
pub struct DeviceEnd {
    pub(super) owner: Arc<Owner>,
}

impl Device for DeviceEnd {
    fn mode(&self) -> Mode {
        self.owner.shared.mode
    }

    fn name(&self) -> io::Result<String> {
        self.owner.shared.present()?;
        Ok(self.owner.shared.name.clone())
    }

    fn mtu(&self) -> io::Result<u32> {
        self.owner.shared.present()
    }

    fn framing(&self) -> Framing {
        self.owner.shared.framing()
    }

    fn transmit(&self, octets: &[u8]) -> io::Result<usize> {
        self.owner.shared.device_write(octets)
    }

    fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> io::Result<usize> {
        self.owner.shared.device_read(buffer, deadline, || false)
    }

    fn interrupt(&self) {
        self.owner.shared.lock().interrupted = true;
        self.owner.shared.wake_all();
    }

    fn clock(&self) -> Clock {
        self.owner.shared.clock.clone()
    }
}

impl std::fmt::Debug for DeviceEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DeviceEnd({})", self.owner.shared.name)
    }
}

impl Shared {
    const fn framing(&self) -> Framing {
        match self.packet_info {
            PacketInfoMode::Keep => Framing::TunPi,
            PacketInfoMode::Off | PacketInfoMode::Strip => Framing::None,
        }
    }

    /// The MTU, while the link exists.
    pub(super) fn present(&self) -> io::Result<u32> {
        let state = self.lock();
        match state.link {
            LinkState::Removed => Err(Errno::BadFd.into()),
            LinkState::Up | LinkState::Down => Ok(state.mtu),
        }
    }

    /// One write. The order of the checks is that of `tun_get_user` on Linux 6.18, by measurement.
    pub(super) fn device_write(&self, octets: &[u8]) -> io::Result<usize> {
        self.touch();
        let fault = self.begin_call(Call::Transmit).and_then(|begun| begun.fault);
        if let Some(error) = fault.and_then(refusal) {
            return Err(error);
        }
        let mut state = self.lock();
        if state.link == LinkState::Removed {
            return Err(Errno::BadFd.into());
        }
        let (protocol, frame) = match (self.packet_info, self.mode) {
            // The header is the device's own in strip mode: it has the protocol that the frame shows.
            (PacketInfoMode::Off | PacketInfoMode::Strip, mode) => (protocol_of(mode, octets), octets),
            (PacketInfoMode::Keep, Mode::Tun) => packet_info::split(octets).ok_or(Errno::Invalid)?,
            (PacketInfoMode::Keep, Mode::Tap) => {
                let (_, frame) = packet_info::split(octets).ok_or(Errno::Invalid)?;
                (protocol_of(Mode::Tap, frame), frame)
            }
        };
        if self.mode == Mode::Tap && frame.len() < ETHERNET_HEADER {
            return Err(Errno::Invalid.into());
        }
        if self.mode == Mode::Tun && self.packet_info != PacketInfoMode::Keep && protocol == 0 {
            if self.packet_info == PacketInfoMode::Off {
                state.statistics.rx_dropped += 1;
            }
            return Err(Errno::Invalid.into());
        }
        if state.link == LinkState::Down {
            state.statistics.rx_dropped += 1;
            return Err(Errno::Io.into());
        }
        state.statistics.rx_packets += 1;
        state.statistics.rx_octets += u64::try_from(frame.len()).unwrap_or(u64::MAX);
        if !is_known_protocol(self.mode, protocol) && state.taps.is_empty() {
            state.statistics.rx_dropped += 1;
        }
        // What is marked as another protocol than it is reaches packet sockets only.
        let marked = protocol == protocol_of(self.mode, frame);
        let next_tap = state.next_tap;
        state.to_host.push(Written { marked, next_tap, octets: frame.to_vec() });
        drop(state);
        self.work();
        Ok(octets.len())
    }

    /// One read; `stop` ends it with EINTR, without touching the interrupts of others.
    pub(super) fn device_read(
        &self,
        buffer: &mut [u8],
        deadline: Deadline,
        stop: impl Fn() -> bool,
    ) -> io::Result<usize> {
        // The link's reader looks often; only what it reads is a call.
        if self.clock.is_running_here() && self.lock().has_nothing_to_read() {
            return Err(Errno::Again.into());
        }
        let begun = self.begin_call(Call::Receive);
        let fault = begun.as_ref().and_then(|begun| begun.fault);
        if let Some(error) = fault.and_then(refusal) {
            return Err(error);
        }
        let read = self.wait(
            "receive",
            deadline,
            |state| {
                if stop() { Some(Err(Errno::Interrupted.into())) } else { self.try_read(state, buffer, fault) }
            },
            |state| std::mem::take(&mut state.interrupted),
        );
        if begun.is_some() && !read.as_ref().is_err_and(gives_nothing) {
            let length = read.as_ref().map_or(0, |length| *length);
            self.faults.gave(fault, self.framing(), buffer.get(..length).unwrap_or_default());
        }
        read
    }

    fn try_read(&self, state: &mut State, buffer: &mut [u8], fault: Option<CallFault>) -> Option<io::Result<usize>> {
        if state.link == LinkState::Removed {
            return Some(Err(Errno::BadFd.into()));
        }
        // The kernel looks at the room before the queue.
        if buffer.is_empty() {
            return Some(Ok(0));
        }
        let Queued { protocol, octets } = state.queue.pop_front()?;
        let length = match packet_info::fill(self.packet_info == PacketInfoMode::Keep, protocol, &octets, buffer, fault)
        {
            Ok(length) => length,
            Err(error) => return Some(Err(error)),
        };
        state.statistics.tx_packets += 1;
        state.statistics.tx_octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        Some(Ok(length))
    }
}

/// Whether a read ended without having had anything.
fn gives_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
}
