//! The plan of a link that is in use: what is planned counts from then on.
//!
//! Layer: `fault`. It knows no injector: whoever makes it says what becomes of a changed plan.

use std::fmt;

use super::device_faults::DeviceFaults;
use super::exact::{ExactFault, FrameFault};
use super::frame_faults::{DelayRange, FrameFaults};
use super::plan::{FaultPlan, both_directions};
use crate::packet::IntoPacket;

/// The faults of a link in use, with the methods of [`FaultPlan`]: each changes the plan at once.
///
/// ```
/// use std::sync::Mutex;
/// use tuntap_test::fault::{Faults, Injector, FaultPlan};
/// use tuntap_test::packet::Udp;
///
/// let injector = Mutex::new(Injector::new(FaultPlan::new()));
/// let faults = || {
///     let plan = injector.lock().unwrap().plan().clone();
///     Faults::new(plan, |plan| injector.lock().unwrap().replan(plan))
/// };
/// faults().seed(7).drop_nth(1, Udp::new().dport(53));
/// faults().to_host(|frames| frames.loss(0.3));
/// let plan = injector.lock().unwrap().plan().to_string();
/// assert!(plan.starts_with("seed 7; to host: loss 0.3, drop_nth 1 of UDP (dport 53); to device: drop_nth 1"), "{plan}");
/// ```
pub struct Faults<'a> {
    plan: FaultPlan,
    apply: Box<dyn Fn(FaultPlan) + 'a>,
}

impl<'a> Faults<'a> {
    /// The plan as it is, and what puts a changed one to work.
    pub fn new(plan: FaultPlan, apply: impl Fn(FaultPlan) + 'a) -> Self {
        Self { plan, apply: Box::new(apply) }
    }

    /// The plan.
    pub const fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// [`FaultPlan::seed`].
    pub fn seed(self, seed: u64) -> Self {
        self.change(|plan| plan.seed(seed))
    }

    /// [`FaultPlan::to_host`].
    pub fn to_host(self, plan: impl FnOnce(FrameFaults) -> FrameFaults) -> Self {
        self.change(|whole| whole.to_host(plan))
    }

    /// [`FaultPlan::to_device`].
    pub fn to_device(self, plan: impl FnOnce(FrameFaults) -> FrameFaults) -> Self {
        self.change(|whole| whole.to_device(plan))
    }

    /// [`FaultPlan::device`].
    pub fn device(self, plan: impl FnOnce(DeviceFaults) -> DeviceFaults) -> Self {
        self.change(|whole| whole.device(plan))
    }

    /// [`FaultPlan::with`].
    pub fn with(self, fault: ExactFault) -> Self {
        self.change(|plan| plan.with(fault))
    }

    /// Puts another plan in the place of all that was planned.
    pub fn set(self, plan: FaultPlan) -> Self {
        self.change(|_| plan)
    }

    /// No faults any more. What is under way stays under way.
    pub fn clear(self) -> Self {
        self.change(|plan| FaultPlan::new().seed(plan.seed))
    }

    fn change(mut self, change: impl FnOnce(FaultPlan) -> FaultPlan) -> Self {
        self.plan = change(std::mem::take(&mut self.plan));
        self.planned();
        self
    }

    const fn plan_mut(&mut self) -> &mut FaultPlan {
        &mut self.plan
    }

    fn planned(&self) {
        (self.apply)(self.plan.clone());
    }
}

both_directions!(Faults<'_>);

impl fmt::Debug for Faults<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faults({})", self.plan)
    }
}
