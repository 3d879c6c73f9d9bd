//! What a link in memory does, once more and from its documentation: queues, numbers and times, and nothing of the mock's.
//!
//! Layer: the target `exchange` only. Sources: the pages of [`FrameFaults`](crate::fault::FrameFaults) and
//! [`Injector`](crate::fault::Injector) for the faults, of [`mock::HostEnd`](crate::mock::HostEnd) and
//! [`mock::DeviceEnd`](crate::mock::DeviceEnd) for the errors (Linux errnos by number).

use std::collections::VecDeque;
use std::time::Duration;

use crate::device::Mode;
use crate::fault::{CallFault, FrameFault, LinkFault};

/// Linux errnos (`include/uapi/asm-generic/errno*.h`).
pub(super) mod errno {
    pub(in super::super) const INTR: i32 = 4;
    pub(in super::super) const IO: i32 = 5;
    pub(in super::super) const NXIO: i32 = 6;
    pub(in super::super) const AGAIN: i32 = 11;
    pub(in super::super) const NODEV: i32 = 19;
    pub(in super::super) const INVAL: i32 = 22;
    pub(in super::super) const BADFD: i32 = 77;
    pub(in super::super) const MSGSIZE: i32 = 90;
    pub(in super::super) const NETDOWN: i32 = 100;
    pub(in super::super) const NOBUFS: i32 = 105;
}

/// Frames of one direction.
#[derive(Default)]
pub(super) struct Lane {
    number: u64,
    /// What is planned for the next frame.
    pub(super) planned: Vec<FrameFault>,
    held: VecDeque<Held>,
    /// By when they come, then by when they came in.
    late: VecDeque<(Duration, Vec<u8>)>,
}

struct Held {
    until: u64,
    deadline: Duration,
    frame: Parcel,
}

struct Parcel {
    number: u64,
    octets: Vec<u8>,
    delay: Duration,
    copies: Vec<Duration>,
}

impl Lane {
    /// A frame comes in; gives what comes out at once, in order.
    pub(super) fn arrive(&mut self, octets: &[u8], now: Duration) -> Vec<Vec<u8>> {
        self.number += 1;
        let mut out = Vec::new();
        let faults = std::mem::take(&mut self.planned);
        if !faults.contains(&FrameFault::Drop) {
            let (frame, hold) = spoilt(self.number, octets, &faults);
            match hold {
                Some((until, at_most)) => self.held.push_back(Held { until, deadline: now + at_most, frame }),
                None => self.go(frame, now, &mut out),
            }
        }
        // Whoever waited for this one; those that waited longest for fewest first.
        let mut free: Vec<_> = Vec::new();
        for held in std::mem::take(&mut self.held) {
            if held.until <= self.number { free.push(held) } else { self.held.push_back(held) }
        }
        free.sort_by_key(|held| (held.until, held.frame.number));
        free.into_iter().for_each(|held| self.go(held.frame, now, &mut out));
        out
    }

    /// A frame goes on its way, and its copies.
    fn go(&mut self, frame: Parcel, now: Duration, out: &mut Vec<Vec<u8>>) {
        let at = now + frame.delay;
        for after in std::iter::once(Duration::ZERO).chain(frame.copies) {
            let at = at + after;
            if at <= now {
                out.push(frame.octets.clone());
            } else {
                let place = self.late.partition_point(|(other, _)| *other <= at);
                self.late.insert(place, (at, frame.octets.clone()));
            }
        }
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Duration> {
        let held = self.held.iter().map(|held| held.deadline);
        held.chain(self.late.front().map(|(at, _)| *at)).min()
    }

    /// What is due by now, in order.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(at) = self.next().filter(|at| *at <= now) {
            if self.late.front().is_some_and(|(late, _)| *late == at) {
                out.extend(self.late.pop_front().map(|(_, octets)| octets));
                continue;
            }
            let first = self.held.iter().position(|held| held.deadline == at);
            if let Some(Held { frame, .. }) = first.and_then(|first| self.held.remove(first)) {
                self.go(frame, at, &mut out);
            }
        }
        out
    }
}

/// The frame as faults leave it, and what it then waits for: a number, or a time.
fn spoilt(number: u64, octets: &[u8], faults: &[FrameFault]) -> (Parcel, Option<(u64, Duration)>) {
    let mut frame = Parcel { number, octets: octets.to_vec(), delay: Duration::ZERO, copies: Vec::new() };
    let mut hold: Option<(u64, Duration)> = None;
    // Octets are turned over before any are cut off.
    for fault in faults {
        if let FrameFault::Corrupt { octet, xor, .. } = fault
            && let Some(place) = frame.octets.get_mut(*octet)
        {
            *place ^= xor;
        }
    }
    for fault in faults {
        match fault {
            FrameFault::Truncate { to } => frame.octets.truncate(*to),
            FrameFault::Duplicate { after } => frame.copies.push(*after),
            FrameFault::Delay { by } => frame.delay += *by,
            FrameFault::Hold { behind, at_most } => {
                let (until, most) = hold.unwrap_or_default();
                hold = Some((until.max(number.saturating_add(*behind)), most.max(*at_most)));
            }
            _ => {}
        }
    }
    (frame, hold.filter(|(until, _)| *until > number))
}

/// The link and both its ends.
pub(super) struct Model {
    mode: Mode,
    pub(super) now: Duration,
    up: bool,
    removed: bool,
    mtu: u32,
    queue_length: usize,
    queue: VecDeque<Vec<u8>>,
    pub(super) to_host: Lane,
    pub(super) to_device: Lane,
    /// What the next transmit gives.
    next_transmit: Option<CallFault>,
    /// What the next receive that begins gives.
    next_receive: Option<CallFault>,
    /// What the receive gives that has begun, when there is a frame.
    begun: Option<CallFault>,
    /// What has reached the host end and nobody has taken.
    pub(super) at_host: Vec<Vec<u8>>,
    pub(super) statistics: crate::mock::Statistics,
}

impl Model {
    pub(super) fn new(mode: Mode, queue_length: usize) -> Self {
        Self {
            mode,
            now: Duration::ZERO,
            up: true,
            removed: false,
            mtu: 1500,
            queue_length,
            queue: VecDeque::new(),
            to_host: Lane::default(),
            to_device: Lane::default(),
            next_transmit: None,
            next_receive: None,
            begun: None,
            at_host: Vec::new(),
            statistics: crate::mock::Statistics::default(),
        }
    }

    /// The script puts a frame in at the host end.
    pub(super) fn put(&mut self, octets: &[u8]) -> Result<(), i32> {
        if self.removed {
            return Err(errno::NXIO);
        }
        if !self.up {
            return Err(errno::NETDOWN);
        }
        let tag = if octets.get(12..14) == Some(&[0x81, 0]) { 4 } else { 0 };
        let (least, header) = if self.mode == Mode::Tun { (1, 0) } else { (14, 14 + tag) };
        if octets.len() < least {
            return Err(errno::INVAL);
        }
        if octets.len() > usize::try_from(self.mtu).unwrap_or(usize::MAX) + header {
            return Err(errno::MSGSIZE);
        }
        if self.queue_length == 0 {
            self.statistics.tx_dropped += 1;
            return Err(errno::NOBUFS);
        }
        let out = self.to_device.arrive(octets, self.now);
        self.reach_device(out);
        // A frame may be held for no time at all.
        self.pass_to(self.now);
        Ok(())
    }

    fn reach_device(&mut self, frames: Vec<Vec<u8>>) {
        for octets in frames {
            if self.queue.len() < self.queue_length {
                self.queue.push_back(octets);
            } else {
                self.statistics.tx_dropped += 1;
            }
        }
    }

    fn reach_host(&mut self, frames: Vec<Vec<u8>>) {
        // A packet socket is shown no frame without octets, and its reader ends with the interface.
        self.at_host.extend(frames.into_iter().filter(|octets| !octets.is_empty() && !self.removed));
    }

    /// The code under test reads.
    pub(super) fn receive(&mut self) -> Result<Vec<u8>, i32> {
        if self.begun.is_none() {
            match self.next_receive.take() {
                Some(CallFault::Eagain) => return Err(errno::AGAIN),
                Some(CallFault::Eintr) => return Err(errno::INTR),
                Some(CallFault::Eio) => return Err(errno::IO),
                Some(CallFault::Enobufs) => return Err(errno::NOBUFS),
                Some(CallFault::Ebadfd) => return Err(errno::BADFD),
                other => self.begun = other,
            }
        }
        if self.removed {
            self.begun = None;
            return Err(errno::BADFD);
        }
        let mut octets = self.queue.pop_front().ok_or(errno::AGAIN)?;
        self.statistics.tx_packets += 1;
        self.statistics.tx_octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if let Some(CallFault::ShortRead { octets: most }) = self.begun.take() {
            octets.truncate(most);
        }
        Ok(octets)
    }

    /// The code under test writes.
    pub(super) fn transmit(&mut self, octets: &[u8]) -> Result<(), i32> {
        match self.next_transmit.take() {
            Some(CallFault::Eagain) => return Err(errno::AGAIN),
            Some(CallFault::Eintr) => return Err(errno::INTR),
            Some(CallFault::Enobufs) => return Err(errno::NOBUFS),
            Some(CallFault::Ebadfd) => return Err(errno::BADFD),
            Some(_) => return Err(errno::IO),
            None => {}
        }
        if self.removed {
            return Err(errno::BADFD);
        }
        match self.mode {
            Mode::Tap if octets.len() < 14 => return Err(errno::INVAL),
            Mode::Tun if !matches!(octets.first().map(|octet| octet >> 4), Some(4 | 6)) => {
                self.statistics.rx_dropped += 1;
                return Err(errno::INVAL);
            }
            _ => {}
        }
        if !self.up {
            self.statistics.rx_dropped += 1;
            return Err(errno::IO);
        }
        self.statistics.rx_packets += 1;
        self.statistics.rx_octets += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        let out = self.to_host.arrive(octets, self.now);
        self.reach_host(out);
        self.pass_to(self.now);
        Ok(())
    }

    /// The first plan for a call counts.
    pub(super) fn plan_receive(&mut self, fault: CallFault) {
        self.next_receive.get_or_insert(fault);
    }

    pub(super) fn plan_transmit(&mut self, fault: CallFault) {
        self.next_transmit.get_or_insert(fault);
    }

    pub(super) fn link(&mut self, fault: LinkFault) -> Result<(), i32> {
        let asked = matches!(fault, LinkFault::Down | LinkFault::Up | LinkFault::Mtu(_));
        if self.removed && asked {
            return Err(errno::NODEV);
        }
        let largest = if self.mode == Mode::Tun { 65_535 } else { 65_521 };
        match fault {
            LinkFault::Down => self.up = false,
            LinkFault::Up => self.up = true,
            LinkFault::Mtu(octets) if !(68..=largest).contains(&octets) => return Err(errno::INVAL),
            LinkFault::Mtu(octets) => self.mtu = octets,
            LinkFault::QueueLength(frames) => self.queue_length = usize::try_from(frames).unwrap_or(usize::MAX),
            LinkFault::Removed => self.removed = true,
        }
        Ok(())
    }

    /// When something is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.to_host.next().into_iter().chain(self.to_device.next()).min()
    }

    /// That time has come.
    pub(super) fn pass_to(&mut self, now: Duration) {
        self.now = now;
        let (host, device) = (self.to_host.due(now), self.to_device.due(now));
        self.reach_host(host);
        self.reach_device(device);
    }
}
