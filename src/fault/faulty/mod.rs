//! Faults at work on a link: one [`Injector`] that several threads ask, and what both kinds of link need beside it.
//!
//! Layer: `fault`. The mock's cable asks it for its two directions and its device end's calls; for any other device,
//! the kernel's say, a wrapper stands in front and asks it in real time (`device`, [`FaultyDevice`]).
//!
//! ```text
//!   cable    device end ──► Faulty ──► host          FaultyDevice    transmit ──► Faulty ──► the device's transmit
//!                       ◄── Faulty ◄──                                receive ◄── Faulty ◄── the device's receive
//! ```

mod device;
mod link_control;
pub(crate) mod packet_info;
mod queues;
mod receiving;
mod timer;
mod trouble;

pub use device::FaultyDevice;
pub use link_control::LinkControl;

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use trouble::Trouble;

use super::{Call, CallFault, CallFaults, Delivery, FaultPlan, Injector, LinkFault, Towards};
use crate::codec::Framing;
use crate::device::FrameRef;
use crate::errno::Errno;

/// How many altered frames are remembered.
const MOST_ALTERED: usize = 1_000;

/// The faults of one link. It has no injector until somebody plans one.
pub(crate) struct Faulty {
    began: Instant,
    work: Mutex<Option<Work>>,
    /// Frames as faults have left them, the last ones.
    altered: Mutex<VecDeque<(Towards, Vec<u8>)>>,
    trouble: Mutex<Trouble>,
}

struct Work {
    injector: Injector,
    /// The receive that has begun and not given anything yet, with what it will give instead. Where it ends without a
    /// frame, because nothing came or somebody interrupted it, the next one goes on in its place.
    open: Option<Option<CallFault>>,
}

/// A frame that has come out of the injector.
pub(crate) struct Passed {
    pub(crate) towards: Towards,
    pub(crate) number: u64,
    pub(crate) copy: u32,
    pub(crate) altered: bool,
    pub(crate) octets: Vec<u8>,
}

impl Faulty {
    pub(crate) fn new(began: Instant) -> Self {
        Self { began, work: Mutex::default(), altered: Mutex::default(), trouble: Mutex::default() }
    }

    /// Nothing foreign but the predicates of patterns runs under this lock.
    fn lock(&self) -> MutexGuard<'_, Option<Work>> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// When something comes out, or happens to the link.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.lock().as_ref()?.injector.next_due().and_then(|due| self.began.checked_add(due))
    }

    /// When the next frame comes out that is delayed or held; `None` where there is none.
    pub(crate) fn next_late(&self) -> Option<Instant> {
        self.lock().as_ref()?.injector.next_late().and_then(|due| self.began.checked_add(due))
    }

    /// The plan, empty where there is none.
    pub(crate) fn plan(&self) -> FaultPlan {
        self.lock().as_ref().map_or_else(FaultPlan::new, |work| work.injector.plan().clone())
    }

    pub(crate) fn replan(&self, plan: FaultPlan) {
        match &mut *self.lock() {
            Some(work) => work.injector.replan(plan),
            none => *none = Some(Work { injector: Injector::new(plan), open: None }),
        }
    }

    /// The number of the next frame in that direction.
    pub(crate) fn next_frame(&self, towards: Towards) -> u64 {
        self.lock().as_ref().map_or(0, |work| work.injector.frames(towards)) + 1
    }

    /// The number of the next such call; a receive that has begun and not given anything is the next one, too.
    pub(crate) fn next_call(&self, call: Call) -> u64 {
        self.lock().as_ref().map_or(1, |work| {
            let open = call == Call::Receive && matches!(work.open, Some(None));
            work.injector.calls(call) + u64::from(!open)
        })
    }

    /// A frame comes in: gives its number, and what comes out now. `None` where nothing was ever planned.
    pub(crate) fn frame(&self, towards: Towards, frame: FrameRef<'_>, now: Instant) -> Option<(u64, Vec<Passed>)> {
        let time = self.time(now);
        self.collect(|injector, out| injector.frame(towards, frame, time, out))
    }

    /// What is due by now. `None` where nothing was ever planned.
    pub(crate) fn due(&self, now: Instant) -> Option<Vec<Passed>> {
        let time = self.time(now);
        self.collect(|injector, out| injector.due(time, out)).map(|((), passed)| passed)
    }

    fn collect<T>(
        &self,
        work: impl FnOnce(&mut Injector, &mut dyn FnMut(Delivery<'_>)) -> T,
    ) -> Option<(T, Vec<Passed>)> {
        let mut passed = Vec::new();
        let given = work(&mut self.lock().as_mut()?.injector, &mut |delivery| {
            let Delivery { towards, number, copy, altered, octets, .. } = delivery;
            passed.push(Passed { towards, number, copy, altered, octets: octets.into_owned() });
        });
        for frame in passed.iter().filter(|frame| frame.altered) {
            self.note_altered(frame.towards, &frame.octets);
        }
        Some((given, passed))
    }

    fn note_altered(&self, towards: Towards, octets: &[u8]) {
        let mut altered = self.altered.lock().unwrap_or_else(PoisonError::into_inner);
        altered.truncate(MOST_ALTERED - 1);
        altered.push_front((towards, octets.to_vec()));
    }

    /// The next thing that happens to the link by time and is due by now.
    pub(crate) fn link_due(&self, now: Instant) -> Option<LinkFault> {
        let time = self.time(now);
        self.lock().as_mut()?.injector.link_due(time).map(|(_, fault)| fault)
    }

    /// A call at the device end begins: what happens to the link before it, and how it fails. `None` where nothing was
    /// ever planned. A receive that is to give something is followed by [`gave`](Self::gave).
    pub(crate) fn begin(&self, call: Call, now: Instant) -> Option<CallFaults> {
        let time = self.time(now);
        self.lock().as_mut().map(|work| work.begin(call, time))
    }

    /// The receive that had begun, with that fault, gave this: the octets with their header, where there were any.
    pub(crate) fn gave(&self, fault: Option<CallFault>, framing: Framing, octets: &[u8]) {
        if let Some(work) = &mut *self.lock() {
            work.open = None;
        }
        if let Some(CallFault::ShortRead { .. }) = fault {
            self.note_altered(Towards::Device, octets.get(framing.header_len()..).unwrap_or_default());
        }
    }

    /// Whether a frame that arrived there may be as it is because of a fault, and not of who sent it.
    pub(crate) fn has_altered(&self, towards: Towards, octets: &[u8]) -> bool {
        let altered = self.altered.lock().unwrap_or_else(PoisonError::into_inner);
        altered.iter().any(|(at, frame)| *at == towards && frame == octets)
    }

    /// Whether anything was ever planned.
    pub(crate) fn is_planned(&self) -> bool {
        self.lock().is_some()
    }

    /// The plan with its seed, what was done so far and what could not be done, in a few lines; `None` where no fault was
    /// planned.
    pub(crate) fn report(&self) -> Option<String> {
        let mut report = self.lock().as_ref()?.injector.report().to_string();
        self.trouble().tell(&mut report);
        Some(report)
    }

    /// What was done so far as a plan that does it again, a whole file; `None` where no fault was planned.
    pub(crate) fn to_toml(&self) -> Option<String> {
        self.lock().as_ref().map(|work| work.injector.to_toml())
    }

    /// The same without what stands at the head of a file.
    pub(crate) fn section(&self) -> Option<String> {
        self.lock().as_ref().map(|work| work.injector.to_section())
    }
}

impl Work {
    fn begin(&mut self, call: Call, now: Duration) -> CallFaults {
        if call == Call::Transmit {
            return self.injector.on_call(call, now);
        }
        match self.open {
            Some(fault @ Some(_)) => return CallFaults { link: Vec::new(), fault },
            // What is planned by now counts for it, and what the time is now.
            Some(None) => self.injector.take_receive_back(),
            None => {}
        }
        let begun = self.injector.on_call(call, now);
        self.open = if begun.fault.is_some_and(|fault| refusal(fault).is_some()) { None } else { Some(begun.fault) };
        begun
    }
}

/// The error of a call that a fault fails; what only changes a read is none.
pub(crate) fn refusal(fault: CallFault) -> Option<io::Error> {
    fault.error().or_else(|| match fault {
        CallFault::ShortRead { .. } | CallFault::PacketInfo(_) => None,
        _ => Some(Errno::Io.into()),
    })
}
