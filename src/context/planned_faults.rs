//! The faults of a link: what a test plans, and what the environment says in its place, read once a test
//! (`TUNTAP_TEST_FAULTS`, `TUNTAP_TEST_SEED`).

use std::env::var_os;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::Link;
use super::link::assert_ok;
use crate::fault::{
    Call, CallFault, ExactFault, FaultPlan, FaultPlans, Faults, FrameFault, LinkFault, ReplayError, Towards, When,
    plans_from, seed_from,
};

/// The two variables, as they were when somebody first asked. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct PlannedFaults(Arc<OnceLock<Environment>>);

/// A mistake in one of them fails whoever needs that one.
struct Environment {
    plans: Result<Option<FaultPlans>, String>,
    seed: Result<Option<u64>, String>,
}

impl PlannedFaults {
    fn environment(&self) -> &Environment {
        let text = |error: ReplayError| error.to_string();
        self.0.get_or_init(|| Environment {
            plans: plans_from(var_os("TUNTAP_TEST_FAULTS").as_deref()).map_err(text),
            seed: seed_from(var_os("TUNTAP_TEST_SEED").as_deref()).map_err(text),
        })
    }

    fn plans(&self) -> io::Result<Option<&FaultPlans>> {
        self.environment().plans.as_ref().map(Option::as_ref).map_err(|error| io::Error::other(error.clone()))
    }

    /// Whether a plan stands in place of what the test plans.
    pub(super) fn replay(&self) -> io::Result<bool> {
        Ok(self.plans()?.is_some())
    }

    /// The plan of the link of that number, counted from 1.
    pub(super) fn plan_of(&self, link: usize) -> io::Result<Option<&FaultPlan>> {
        Ok(self.plans()?.and_then(|plans| plans.plan_of(link)))
    }

    /// The seed that stands in place of those of plans.
    pub(super) fn seed(&self) -> io::Result<Option<u64>> {
        self.environment().seed.clone().map_err(io::Error::other)
    }
}

impl Link {
    /// The faults of this link: `tun.faults().seed(7).drop_nth(1, Udp::new().dport(53))` plans one more, from now on. A
    /// failing test tells the seed, the plan and what was done, and leaves it as `fault-plan.toml`; the environment variable
    /// `TUNTAP_TEST_FAULTS` names such a file, which then stands in place of what the test plans, and `TUNTAP_TEST_SEED` a
    /// seed.
    ///
    /// On the mock the faults are the cable's, in virtual time. On the kernel backend they stand in front of the device end
    /// ([`FaultyDevice`](crate::fault::FaultyDevice)), in real time: what is sent and received through this link
    /// meets them, and what happens to the link really happens to the interface. There:
    ///
    /// * what uses the descriptor goes past them, so that [`into_fd`](super::Tun::into_fd) and
    ///   [`hand_over`](super::Tun::hand_over) refuse a link with faults, and [`kernel`](Self::kernel) has none;
    /// * a frame from the host is delayed from when the device end is read, and the MTU must be one that the kernel takes;
    /// * a frame that a fault made unfit for the device (a first nibble neither 4 nor 6 on TUN, less than 14 octets on TAP)
    ///   is lost there, and told.
    ///
    /// The fence of [`expect_nothing_else`](crate::exchange::Exchange::expect_nothing_else) meets no faults and is not counted.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// use tuntap_test::prelude::*;
    /// # let mut context = TestContext::new(Backend::Mock, "faults")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    /// tun.faults().drop_nth(1, Icmpv4::echo_reply(7, 1));
    /// tun.send(Icmpv4::echo_request(7, 1));
    /// tun.send(Icmpv4::echo_request(7, 2));
    /// tun.expect(Icmpv4::echo_reply(7, 2));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// When a variable names no plan or no seed, with the cure.
    #[track_caller]
    pub fn faults(&self) -> Faults<'_> {
        let plan = self.backing.faults().plan().clone();
        if assert_ok(self.context.faults.replay(), "read the planned faults") {
            // That plan is at work already.
            return Faults::new(plan, |_| ());
        }
        let seed = assert_ok(self.context.faults.seed(), "read the seed");
        Faults::new(plan, move |plan| {
            let plan = seed.map_or_else(|| plan.clone(), |seed| plan.clone().seed(seed));
            let _at_work = self.backing.faults().set(plan);
        })
    }

    /// Something happens to the link, now.
    pub(crate) fn happen(&self, fault: LinkFault) -> io::Result<()> {
        match fault {
            LinkFault::Down => self.backing.set_up(false),
            LinkFault::Up => self.backing.set_up(true),
            LinkFault::Mtu(octets) => self.backing.set_mtu(octets).inspect(|()| self.noted_mtu(octets)),
            fault => {
                let _at_work = self.faults().with(ExactFault::Link { when: When::At(Duration::ZERO), fault });
                Ok(())
            }
        }
    }

    /// Plans that for the next frame in that direction.
    pub(crate) fn fault_next_frame(&self, towards: Towards, fault: FrameFault) {
        let frame = self.backing.faulty().next_frame(towards);
        let _at_work = self.faults().with(ExactFault::Frame { towards, frame, fault });
    }

    /// Plans that for the next such call at the device end.
    pub(crate) fn fault_next_call(&self, call: Call, fault: CallFault) {
        let number = self.backing.faulty().next_call(call);
        let _at_work = self.faults().with(ExactFault::Call { call, number, fault });
    }

    /// When the next frame comes that a fault has delayed or held; `None` where there is none.
    pub(crate) fn next_late(&self) -> Option<Instant> {
        self.backing.faulty().next_late()
    }

    /// Whether a frame that arrived there may be as it is because of a fault.
    pub(crate) fn has_altered(&self, towards: Towards, octets: &[u8]) -> bool {
        self.backing.faulty().has_altered(towards, octets)
    }

    /// What faults did so far, in a few lines: the seed, the plan, the first of them. `None` where none were planned.
    #[must_use]
    pub fn fault_report(&self) -> Option<String> {
        self.backing.faulty().report()
    }

    /// What faults did so far as a plan that does it again, a `fault-plan.toml` for this link. `None` where none were
    /// planned.
    #[must_use]
    pub fn fault_plan(&self) -> Option<String> {
        self.backing.faulty().to_toml()
    }
}
