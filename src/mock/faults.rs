//! Where the cable meets its faults: frames pass the injector on their way, and so does each call at the device end.

use std::sync::Arc;
use std::time::Instant;

use super::Cable;
use super::state::{LinkState, Shared, Written};
use crate::device::FrameRef;
use crate::fault::{Call, CallFaults, Faults, Faulty, LinkFault, Passed, Towards};

impl Shared {
    /// What happens to the link by now, and the frames that are due.
    pub(super) fn do_due_faults(&self, now: Instant) -> bool {
        if self.faults.next().is_none_or(|due| due > now) {
            return false;
        }
        while let Some(fault) = self.faults.link_due(now) {
            self.happen(fault);
        }
        self.arrive(self.faults.due(now).unwrap_or_default(), now);
        true
    }

    pub(super) fn pass_to_host(&self, frame: &Written, now: Instant) {
        if !self.inject(Towards::Host, &frame.octets, now) {
            self.arrive_at_host(frame, now);
        }
    }

    pub(super) fn pass_to_device(&self, octets: Vec<u8>, now: Instant) {
        if !self.inject(Towards::Device, &octets, now) {
            self.lock().arrive_at_device(self.mode, octets, now);
        }
    }

    /// Lets a frame pass the injector; gives false where there is none.
    fn inject(&self, towards: Towards, octets: &[u8], now: Instant) -> bool {
        let passed = self.faults.frame(towards, FrameRef::new(self.mode, octets), now);
        let planned = passed.is_some();
        self.arrive(passed.map(|(_, passed)| passed).unwrap_or_default(), now);
        planned
    }

    fn arrive(&self, passed: Vec<Passed>, now: Instant) {
        for Passed { towards, octets, .. } in passed {
            match towards {
                Towards::Host => {
                    let next_tap = self.lock().next_tap;
                    self.arrive_at_host(&Written { marked: true, next_tap, octets }, now);
                }
                Towards::Device => self.lock().arrive_at_device(self.mode, octets, now),
            }
        }
    }

    /// A call at the device end begins: how it fails, if it does. `None` where nothing was ever planned.
    pub(super) fn begin_call(&self, call: Call) -> Option<CallFaults> {
        let mut begun = self.faults.begin(call, self.clock.now())?;
        begun.link.drain(..).for_each(|fault| self.happen(fault));
        Some(begun)
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
        Faults::new(shared.faults.plan(), |plan| {
            shared.faults.replan(plan);
            shared.work();
        })
    }

    /// The plan with its seed and what was done so far, in a few lines; `None` where no fault was planned.
    #[must_use]
    pub fn fault_report(&self) -> Option<String> {
        self.owner.shared.faults.report()
    }

    /// What was done so far as a plan that does it again: `fault-plan.toml`. `None` where no fault was planned.
    #[must_use]
    pub fn fault_plan(&self) -> Option<String> {
        self.owner.shared.faults.to_toml()
    }

    /// The faults, for who outlives this handle.
    pub(crate) fn faulty(&self) -> Arc<Faulty> {
        Arc::clone(&self.owner.shared.faults)
    }
}
