//! Where the cable meets its faults: frames pass an [`Injector`] on their way, and so does each call at the device end.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Cable;
use super::errno::Errno;
use super::fault::{Call, CallFault, Delivery, FaultPlan, Faults, Injector, LinkFault, Towards};
use super::state::{LinkState, Shared, Written};
use crate::device::FrameRef;

/// How many altered frames are remembered.
const MOST_ALTERED: usize = 1_000;

/// The faults of one cable. Absent until somebody plans one.
pub(super) struct Faulty {
    began: Instant,
    injector: Mutex<Option<Injector>>,
    /// Frames to the device end as faults have left them, the last ones.
    altered: Mutex<VecDeque<Vec<u8>>>,
}

impl Faulty {
    pub(super) const fn new(began: Instant) -> Self {
        Self { began, injector: Mutex::new(None), altered: Mutex::new(VecDeque::new()) }
    }

    /// Nothing foreign but the predicates of patterns runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Option<Injector>> {
        self.injector.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_altered(&self, octets: &[u8]) {
        let mut altered = self.altered.lock().unwrap_or_else(PoisonError::into_inner);
        altered.truncate(MOST_ALTERED - 1);
        altered.push_front(octets.to_vec());
    }

    fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// When something comes out, or happens to the link.
    pub(super) fn next(&self) -> Option<Instant> {
        self.lock().as_ref()?.next_due().and_then(|due| self.began.checked_add(due))
    }
}

impl Shared {
    /// What happens to the link by now, and the frames that are due.
    pub(super) fn do_due_faults(&self, now: Instant) -> bool {
        if self.faults.next().is_none_or(|due| due > now) {
            return false;
        }
        let time = self.faults.time(now);
        while let Some((_, fault)) = self.faults.lock().as_mut().and_then(|injector| injector.link_due(time)) {
            self.happen(fault);
        }
        self.inject(now, |injector, out| injector.due(time, out))
    }

    pub(super) fn pass_to_host(&self, frame: &Written, now: Instant) {
        if !self.inject_frame(Towards::Host, &frame.octets, now) {
            self.arrive_at_host(frame, now);
        }
    }

    pub(super) fn pass_to_device(&self, octets: Vec<u8>, now: Instant) {
        if !self.inject_frame(Towards::Device, &octets, now) {
            self.lock().arrive_at_device(self.mode, octets, now);
        }
    }

    fn inject_frame(&self, towards: Towards, octets: &[u8], now: Instant) -> bool {
        let (frame, time) = (FrameRef::new(self.mode, octets), self.faults.time(now));
        self.inject(now, |injector, out| injector.frame(towards, frame, time, out))
    }

    /// Lets the injector work, and what comes out of it arrive; gives false where there is none.
    fn inject(&self, now: Instant, work: impl FnOnce(&mut Injector, &mut dyn FnMut(Delivery<'_>))) -> bool {
        let mut arrived = Vec::new();
        match self.faults.lock().as_mut() {
            None => return false,
            Some(injector) => work(injector, &mut |delivery| {
                arrived.push((delivery.towards, delivery.altered, delivery.octets.into_owned()));
            }),
        }
        for (towards, altered, octets) in arrived {
            match towards {
                Towards::Host => {
                    let next_tap = self.lock().next_tap;
                    self.arrive_at_host(&Written { marked: true, next_tap, octets }, now);
                }
                Towards::Device => {
                    if altered {
                        self.faults.note_altered(&octets);
                    }
                    self.lock().arrive_at_device(self.mode, octets, now);
                }
            }
        }
        true
    }

    /// A call at the device end begins: how it fails, if it does.
    pub(super) fn fault_of(&self, call: Call) -> Option<CallFault> {
        let time = self.faults.time(self.clock.now());
        let faults = self.faults.lock().as_mut()?.on_call(call, time);
        faults.link.into_iter().for_each(|fault| self.happen(fault));
        faults.fault
    }

    fn happen(&self, fault: LinkFault) {
        match fault {
            LinkFault::Down => drop(self.set_link(LinkState::Down)),
            LinkFault::Up => drop(self.set_link(LinkState::Up)),
            LinkFault::Removed => drop(self.set_link(LinkState::Removed)),
            LinkFault::Mtu(octets) => self.lock().mtu = octets,
            LinkFault::QueueLength(frames) => {
                self.lock().queue_length = usize::try_from(frames).unwrap_or(usize::MAX);
            }
        }
    }
}

/// The error of a call that a fault fails; what only changes a read is none.
pub(super) fn refusal(fault: CallFault) -> Option<io::Error> {
    fault.error().or_else(|| match fault {
        CallFault::ShortRead { .. } | CallFault::PacketInfo(_) => None,
        _ => Some(Errno::Io.into()),
    })
}

impl Cable {
    /// The faults of this cable: each method plans one more, from now on.
    ///
    /// ```
    /// use tuntap_test::device::{Deadline, Device};
    /// use tuntap_test::mock::{Cable, CableConfig};
    /// use tuntap_test::packet::Packet;
    ///
    /// let cable = Cable::new(CableConfig::tun())?;
    /// let (device, host) = (cable.device_end(), cable.host_end());
    /// cable.faults().drop_nth(1, Packet::any());
    /// device.transmit(&[0x45, 0, 0, 20])?;
    /// device.transmit(&[0x45, 0, 0, 21])?;
    /// let mut buffer = [0; 99];
    /// assert_eq!(host.receive(&mut buffer, Deadline::Now)?, 4);
    /// assert_eq!(buffer[3], 21);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn faults(&self) -> Faults<'_> {
        let shared = &self.owner.shared;
        let plan = shared.faults.lock().as_ref().map_or_else(FaultPlan::new, |injector| injector.plan().clone());
        Faults::new(plan, |plan| {
            match &mut *shared.faults.lock() {
                Some(injector) => injector.replan(plan),
                none => *none = Some(Injector::new(plan)),
            }
            shared.work();
        })
    }

    /// Whether a frame that came out of the device may be as it is because of a fault, and not of who sent it.
    pub(crate) fn has_altered(&self, octets: &[u8]) -> bool {
        let altered = &self.owner.shared.faults.altered;
        altered.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|frame| frame == octets)
    }

    /// The plan with its seed and what was done so far, in a few lines; `None` where no fault was planned.
    #[must_use]
    pub fn fault_report(&self) -> Option<String> {
        self.owner.shared.faults.lock().as_ref().map(|injector| injector.report().to_string())
    }

    /// What was done so far as a plan that does it again: `fault-plan.toml`. `None` where no fault was planned.
    #[must_use]
    pub fn fault_plan(&self) -> Option<String> {
        self.owner.shared.faults.lock().as_ref().map(Injector::to_toml)
    }
}
