//! The inside of a cable: one lock around queue, taps, link state and statistics, and the waiting.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::errno::Errno;
use super::host_stack::HostSlot;
use super::witness::Passed;
use crate::device::{Deadline, Mode, PacketInfoMode};

/// EtherTypes that the cable looks at (IEEE 802 numbers).
pub(super) mod ether_type {
    pub(in crate::mock) const IPV4: u16 = 0x0800;
    pub(in crate::mock) const ARP: u16 = 0x0806;
    pub(in crate::mock) const VLAN: u16 = 0x8100;
    pub(in crate::mock) const IPV6: u16 = 0x86dd;
    pub(in crate::mock) const PROVIDER_VLAN: u16 = 0x88a8;
}

/// Octets of an Ethernet header.
pub(super) const ETHERNET_HEADER: usize = 14;

/// What a link counted, from the kernel's point of view (`struct rtnl_link_stats64`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Frames that the device end wrote and the link took.
    pub rx_packets: u64,
    /// Their octets, without packet information.
    pub rx_octets: u64,
    /// Writes refused with EIO or for their first nibble, and frames of a protocol that the host does not know.
    pub rx_dropped: u64,
    /// Frames that the device end read.
    pub tx_packets: u64,
    /// Their octets before truncation, without packet information.
    pub tx_octets: u64,
    /// Frames from the host that found the queue full.
    pub tx_dropped: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkState {
    Up,
    Down,
    Removed,
}

/// A frame on its way to the device end.
pub(super) struct Queued {
    pub(super) protocol: u16,
    pub(super) octets: Vec<u8>,
}

/// What one host end keeps: copies of what the device end wrote, like a packet socket's receive buffer.
#[derive(Default)]
pub(super) struct Tap {
    pub(super) copies: VecDeque<Vec<u8>>,
    pub(super) dropped: u64,
    /// The link went down, or was down at the start: the next receive says so, once.
    pub(super) net_down: bool,
    pub(super) interrupted: bool,
}

pub(super) struct State {
    pub(super) link: LinkState,
    pub(super) mtu: u32,
    pub(super) statistics: Statistics,
    pub(super) queue: VecDeque<Queued>,
    pub(super) queue_length: usize,
    pub(super) interrupted: bool,
    pub(super) taps: BTreeMap<u64, Tap>,
    pub(super) next_tap: u64,
    /// What passes, where somebody wants to know.
    pub(super) passed: Option<Passed>,
}

/// What all handles of one cable share.
pub(super) struct Shared {
    pub(super) mode: Mode,
    pub(super) packet_info: PacketInfoMode,
    pub(super) name: String,
    pub(super) state: Mutex<State>,
    pub(super) device_readable: Condvar,
    pub(super) host_readable: Condvar,
    pub(super) host: HostSlot,
}

impl Shared {
    /// The lock. Nothing panics while it is held, and nothing foreign is called, so that poison means nothing.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the link's state; taps learn that it went down. Gives false for a removed link, which stays removed.
    pub(super) fn set_link(&self, link: LinkState) -> bool {
        let mut state = self.lock();
        if state.link == LinkState::Removed {
            return false;
        }
        if state.link == LinkState::Up && link != LinkState::Up {
            for tap in state.taps.values_mut() {
                tap.net_down = true;
            }
        }
        state.link = link;
        drop(state);
        self.wake_all();
        true
    }

    /// Makes every waiting call look again.
    pub(super) fn wake_all(&self) {
        self.device_readable.notify_all();
        self.host_readable.notify_all();
    }

    /// Puts a frame of the host stack on its way to the device end. The stack is told nothing.
    pub(super) fn send_from_stack(&self, octets: &[u8]) {
        let mut state = self.lock();
        if state.link != LinkState::Up {
            return;
        }
        if octets.is_empty() || octets.len() > state.longest_frame(self.mode, octets) {
            state.statistics.tx_dropped += 1;
            return;
        }
        self.enqueue(state, octets);
    }

    /// Queues a frame for the device end, or drops and counts it when the queue is full.
    pub(super) fn enqueue(&self, mut state: MutexGuard<'_, State>, octets: &[u8]) {
        if let Some(passed) = &mut state.passed {
            passed.note(octets, true);
        }
        if state.queue.len() >= state.queue_length {
            state.statistics.tx_dropped += 1;
            return;
        }
        let protocol = protocol_of(self.mode, octets);
        state.queue.push_back(Queued { protocol, octets: octets.to_vec() });
        drop(state);
        self.device_readable.notify_all();
    }

    /// Waits on `readable` until `attempt` gives something, as `deadline` says; `interrupted` takes a pending interrupt.
    pub(super) fn wait<T>(
        &self,
        readable: &Condvar,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut State) -> Option<io::Result<T>>,
        mut interrupted: impl FnMut(&mut State) -> bool,
    ) -> io::Result<T> {
        // A duration too long for the clock is as good as for ever.
        let until = match deadline {
            Deadline::After(duration) => Instant::now().checked_add(duration),
            Deadline::Now | Deadline::Never => None,
        };
        let mut state = self.lock();
        loop {
            if let Some(result) = attempt(&mut state) {
                return result;
            }
            if deadline == Deadline::Now {
                return Err(Errno::Again.into());
            }
            if interrupted(&mut state) {
                return Err(Errno::Interrupted.into());
            }
            state = match until {
                None => readable.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(Errno::TimedOut.into());
                    }
                    readable.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

impl State {
    /// The most octets of a frame that the host may send: the MTU, on TAP with the Ethernet header and one VLAN tag.
    pub(super) fn longest_frame(&self, mode: Mode, octets: &[u8]) -> usize {
        let mtu = usize::try_from(self.mtu).unwrap_or(usize::MAX);
        match mode {
            Mode::Tun => mtu,
            Mode::Tap if protocol_of(mode, octets) == ether_type::VLAN => mtu + ETHERNET_HEADER + 4,
            Mode::Tap => mtu + ETHERNET_HEADER,
        }
    }
}

/// The protocol of a frame as its first octets tell it; 0 when they do not.
pub(super) fn protocol_of(mode: Mode, octets: &[u8]) -> u16 {
    match mode {
        Mode::Tun => match octets.first().map(|octet| octet >> 4) {
            Some(4) => ether_type::IPV4,
            Some(6) => ether_type::IPV6,
            _ => 0,
        },
        Mode::Tap => match octets.get(12..14) {
            Some(&[high, low]) => u16::from_be_bytes([high, low]),
            _ => 0,
        },
    }
}

/// Whether a host takes frames of that protocol at all: others count as dropped (measured on Linux 6.18, where 802.3
/// length fields and VLAN tags do not count either).
pub(super) fn is_known_protocol(mode: Mode, protocol: u16) -> bool {
    match protocol {
        ether_type::IPV4 | ether_type::ARP | ether_type::IPV6 => true,
        ether_type::VLAN | ether_type::PROVIDER_VLAN => mode == Mode::Tap,
        length => mode == Mode::Tap && length < 0x600,
    }
}
