//! The inside of a cable: one lock around queue, taps, link state and statistics, and the waiting.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use super::HostStack;
use super::device_end::MOST_COPIES;
use super::witness::Passed;
use crate::device::{Clock, Deadline, FrameRef, Mode, PacketInfoMode, Source, What};
use crate::errno::Errno;
use crate::fault::Faulty;
use crate::fault::packet_info::{ETHERNET_HEADER, protocol_of};

/// EtherTypes that the cable looks at (IEEE 802 numbers).
pub(super) mod ether_type {
    pub(in crate::mock) const IPV4: u16 = 0x0800;
    pub(in crate::mock) const ARP: u16 = 0x0806;
    pub(in crate::mock) const VLAN: u16 = 0x8100;
    pub(in crate::mock) const IPV6: u16 = 0x86dd;
    pub(in crate::mock) const PROVIDER_VLAN: u16 = 0x88a8;
}

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

/// A frame on its way to the host.
pub(super) struct Written {
    /// Whether it is marked as the protocol that its octets show.
    pub(super) marked: bool,
    /// The number that the next host end gets: those from there on were made later and do not see it.
    pub(super) next_tap: u64,
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
    /// Frames on their way to the host, in the order in which they were written.
    pub(super) to_host: Vec<Written>,
    /// Frames on their way to the device end, each behind the number of its sender: the stack has 0, then the host ends in
    /// the order in which they were made.
    pub(super) to_device: Vec<(u64, Vec<u8>)>,
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
    pub(super) clock: Clock,
    /// What is behind the cable. Locked only while what is due is done, which one thread does at a time.
    pub(super) host: Mutex<Option<Box<dyn HostStack>>>,
    /// When the host has something to do by itself.
    pub(super) host_next: Mutex<Option<Instant>>,
    /// What the host knows of the link: whether it is up, and its MTU.
    pub(super) host_knows: Mutex<(Option<bool>, u32)>,
    /// What goes wrong on the cable, and when the cable was made.
    pub(super) faults: Arc<Faulty>,
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
        if link == LinkState::Up {
            // Where it was up already it has its addresses again, and is told so.
            let mut knows = self.host_knows.lock().unwrap_or_else(PoisonError::into_inner);
            knows.0 = knows.0.filter(|up| !up);
        }
        self.work();
        true
    }

    /// Makes every waiting call look again.
    pub(super) fn wake_all(&self) {
        if let Some(scheduler) = self.clock.scheduler() {
            scheduler.bump();
        }
    }

    /// Something is on its way.
    pub(super) fn work(&self) {
        if let Some(scheduler) = self.clock.scheduler() {
            scheduler.work();
        }
    }

    /// This thread uses the link.
    pub(super) fn touch(&self) {
        if let Some(scheduler) = self.clock.scheduler() {
            scheduler.touch(&self.name);
        }
    }

    /// What is due now has arrived, unless another thread is about to send more.
    pub(super) fn settle(&self) {
        if let Some(scheduler) = self.clock.scheduler() {
            scheduler.settle();
        }
    }

    /// Puts a frame of the host stack on its way to the device end. The stack is told nothing.
    fn send_from_stack(&self, octets: &[u8]) {
        let mut state = self.lock();
        if state.link != LinkState::Up {
            return;
        }
        if octets.is_empty() || octets.len() > state.longest_frame(self.mode, octets) {
            state.statistics.tx_dropped += 1;
            return;
        }
        state.to_device.push((0, octets.to_vec()));
    }

    /// A frame reaches the host: its packet sockets first, then its stack.
    pub(super) fn arrive_at_host(&self, frame: &Written, now: Instant) {
        let Written { marked, octets, .. } = frame;
        // A packet socket takes what no protocol does.
        self.lock().copy_to_taps(frame, now);
        let protocol = protocol_of(self.mode, octets);
        // IPv4 code drops what is marked as IPv4 and is not, and so does IPv6's.
        if self.mode == Mode::Tap || (*marked && matches!(protocol, ether_type::IPV4 | ether_type::IPV6)) {
            let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(host) = &mut *host {
                host.receive(FrameRef::new(self.mode, octets), now, &mut |reply| self.send_from_stack(reply));
            }
        }
    }

    /// Tells the host what has become of the link.
    fn tell_host(&self) {
        self.tell(self.host.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The same at once, so that its sockets know; while it is at work it is told when it is through.
    pub(super) fn tell_idle_host(&self) {
        match self.host.try_lock() {
            Ok(host) => self.tell(host),
            Err(TryLockError::Poisoned(poisoned)) => self.tell(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn tell(&self, mut host: MutexGuard<'_, Option<Box<dyn HostStack>>>) {
        let state = self.lock();
        let (up, mtu) = (state.link == LinkState::Up, state.mtu);
        drop(state);
        let knew =
            std::mem::replace(&mut *self.host_knows.lock().unwrap_or_else(PoisonError::into_inner), (Some(up), mtu));
        if let Some(host) = host.as_mut().filter(|_| knew != (Some(up), mtu)) {
            if knew.0.is_none() {
                host.link_changed(false, mtu);
            }
            host.link_changed(up, mtu);
        }
    }

    fn host_has_work(&self) -> bool {
        self.host.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(|host| host.has_work())
    }

    fn host_next(&self) -> Option<Instant> {
        *self.host_next.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the host do what is due.
    fn poll_host(&self, now: Instant) {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = &mut *host {
            let next = host.poll(now, &mut |frame| self.send_from_stack(frame));
            *self.host_next.lock().unwrap_or_else(PoisonError::into_inner) = next;
        }
    }

    /// Waits until `attempt` gives something, as `deadline` says; `interrupted` takes a pending interrupt.
    pub(super) fn wait<T>(
        &self,
        verb: &'static str,
        deadline: Deadline,
        mut attempt: impl FnMut(&mut State) -> Option<io::Result<T>>,
        mut interrupted: impl FnMut(&mut State) -> bool,
    ) -> io::Result<T> {
        let Some(scheduler) = self.clock.scheduler() else {
            return Err(io::Error::other("a cable has a clock of its own"));
        };
        let waits = deadline != Deadline::Now;
        let waited = scheduler.wait(deadline, What::new(&self.name, verb), || {
            let mut state = self.lock();
            let found = attempt(&mut state);
            if found.is_none() && waits && interrupted(&mut state) {
                return Some(Err(Errno::Interrupted.into()));
            }
            found
        });
        waited.unwrap_or_else(|error| {
            Err(error.into_io(|kind| match kind {
                io::ErrorKind::WouldBlock => Errno::Again.into(),
                _ => Errno::TimedOut.into(),
            }))
        })
    }
}

impl Source for Shared {
    fn run(&self, now: Instant) -> bool {
        let mut did = self.do_due_faults(now);
        self.tell_host();
        let frames = std::mem::take(&mut self.lock().to_host);
        did |= !frames.is_empty();
        for frame in &frames {
            self.pass_to_host(frame, now);
        }
        let due = self.host_has_work() || self.host_next().is_some_and(|next| next <= now);
        if did || due {
            self.poll_host(now);
        }
        let mut state = self.lock();
        // The sort is stable: each end's frames keep their order.
        state.to_device.sort_by_key(|(end, _)| *end);
        let frames = std::mem::take(&mut state.to_device);
        drop(state);
        did |= due || !frames.is_empty();
        for (_, octets) in frames {
            self.pass_to_device(octets, now);
        }
        did
    }

    fn next(&self) -> Option<Instant> {
        if self.host_has_work() {
            return Some(self.clock.now());
        }
        self.host_next().into_iter().chain(self.faults.next()).min()
    }
}

impl State {
    /// A frame is queued at the device end, or dropped and counted when the queue is full.
    pub(super) fn arrive_at_device(&mut self, mode: Mode, octets: Vec<u8>, now: Instant) {
        if let Some(passed) = &mut self.passed {
            passed.note(&octets, true, now);
        }
        if self.queue.len() >= self.queue_length {
            self.statistics.tx_dropped += 1;
        } else {
            self.queue.push_back(Queued { protocol: protocol_of(mode, &octets), octets });
        }
    }

    /// Whether a read would wait.
    pub(super) fn has_nothing_to_read(&self) -> bool {
        self.link != LinkState::Removed && self.queue.is_empty()
    }

    fn copy_to_taps(&mut self, frame: &Written, now: Instant) {
        if frame.octets.is_empty() {
            return;
        }
        if let Some(passed) = &mut self.passed {
            passed.note(&frame.octets, false, now);
        }
        for (_, tap) in self.taps.range_mut(..frame.next_tap) {
            if tap.copies.len() < MOST_COPIES {
                tap.copies.push_back(frame.octets.clone());
            } else {
                tap.dropped += 1;
            }
        }
    }

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

/// Whether a host takes frames of that protocol at all: others count as dropped (measured on Linux 6.18, where 802.3
/// length fields and VLAN tags do not count either).
pub(super) fn is_known_protocol(mode: Mode, protocol: u16) -> bool {
    match protocol {
        ether_type::IPV4 | ether_type::ARP | ether_type::IPV6 => true,
        ether_type::VLAN | ether_type::PROVIDER_VLAN => mode == Mode::Tap,
        length => mode == Mode::Tap && length < 0x600,
    }
}
