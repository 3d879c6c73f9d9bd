//! A plan: the faults of both directions and of the device, and the seed.
//!
//! Layer: `fault`.

use super::device_faults::DeviceFaults;
use super::exact::{ExactFault, FrameFault, LinkFault};
use super::frame_faults::{DelayRange, FrameFaults};
use super::toml;
use crate::packet::IntoPacket;

/// Which faults a link has: a value that is made once, printed, compared, written to a file and run by an
/// [`Injector`](super::Injector).
///
/// The methods that have the names of [`FrameFaults`]'s plan for both directions, each counting its own frames.
/// [`to_host`](Self::to_host) and [`to_device`](Self::to_device) plan for one.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::fault::{Call, CallFault, FaultPlan};
/// use tuntap_test::packet::Udp;
///
/// let ms = Duration::from_millis;
/// let plan = FaultPlan::new()
///     .seed(7)
///     .drop_nth(1, Udp::new().dport(53))
///     .to_host(|frames| frames.loss(0.3).delay(ms(10)..=ms(50)))
///     .device(|device| device.on(Call::Transmit, 3, CallFault::Eagain));
/// assert_eq!(
///     plan.to_string(),
///     "seed 7; to host: loss 0.3, delay 10ms..=50ms, drop_nth 1 of UDP (dport 53); \
///      to device: drop_nth 1 of UDP (dport 53); device: transmit 3 EAGAIN"
/// );
/// ```
#[derive(Clone, Default, PartialEq)]
#[must_use]
pub struct FaultPlan {
    pub(super) seed: u64,
    pub(super) to_host: FrameFaults,
    pub(super) to_device: FrameFaults,
    pub(super) device: DeviceFaults,
}

impl FaultPlan {
    /// No faults, seed 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// From what all that is random is drawn. Another seed, other frames; the same seed, the same frames.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The seed.
    #[must_use]
    pub const fn seed_value(&self) -> u64 {
        self.seed
    }

    /// Plans for frames from the device end to the host end: what a program writes to its device.
    pub fn to_host(mut self, plan: impl FnOnce(FrameFaults) -> FrameFaults) -> Self {
        self.to_host = plan(self.to_host);
        self
    }

    /// Plans for frames from the host end to the device end: what a program reads from its device.
    pub fn to_device(mut self, plan: impl FnOnce(FrameFaults) -> FrameFaults) -> Self {
        self.to_device = plan(self.to_device);
        self
    }

    /// Plans for the calls at the device end and for the link itself.
    pub fn device(mut self, plan: impl FnOnce(DeviceFaults) -> DeviceFaults) -> Self {
        self.device = plan(self.device);
        self
    }

    /// Plans one exact fault.
    pub fn with(mut self, fault: ExactFault) -> Self {
        self.extend([fault]);
        self
    }

    /// Whether nothing is planned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to_host.is_empty() && self.to_device.is_empty() && self.device.is_empty()
    }

    /// What is planned to happen to the link itself.
    pub(crate) fn link_faults(&self) -> impl Iterator<Item = LinkFault> {
        self.device.link.iter().map(|(_, fault)| *fault)
    }

    /// The exact faults, when there are no others: no rates, limits or patterns, and no more than single calls.
    ///
    /// `None` when there are. Run such a plan and ask [`Injector::exact_plan`](super::Injector::exact_plan) for what it
    /// did.
    #[must_use]
    pub fn exact(&self) -> Option<Vec<ExactFault>> {
        use super::exact::Towards::{Device, Host};
        if !self.to_host.is_exact() || !self.to_device.is_exact() {
            return None;
        }
        let mut faults = Vec::new();
        for (towards, frames) in [(Host, &self.to_host), (Device, &self.to_device)] {
            let exact = frames.exact.iter();
            faults.extend(exact.map(|(frame, fault)| ExactFault::Frame { towards, frame: *frame, fault: *fault }));
        }
        faults.extend(self.device.exact()?);
        Some(faults)
    }

    /// An [exact](Self::exact) plan as `fault-plan.toml`; `None` for any other.
    #[must_use]
    pub fn to_toml(&self) -> Option<String> {
        self.exact().map(|faults| toml::write_plan(self.seed, &faults))
    }

    /// Reads the `fault-plan.toml` of one link; [`FaultPlans`](super::FaultPlans) reads that of several.
    ///
    /// # Errors
    /// What is wrong first, with its line.
    ///
    /// ```
    /// use tuntap_test::fault::FaultPlan;
    ///
    /// let plan = FaultPlan::from_toml("seed = 7\nto_host = [\n    { frame = 3, fault = \"drop\" },\n]\n")?;
    /// assert_eq!(plan.to_string(), "seed 7; to host: #3 dropped");
    ///
    /// let error = FaultPlan::from_toml("to_host = [\n    { frame = 3, fault = \"lose\" },\n]\n").unwrap_err();
    /// assert_eq!(error.line, 2);
    /// assert!(error.to_string().starts_with("line 2: no fault of a frame is called \"lose\""), "{error}");
    /// # Ok::<(), tuntap_test::fault::PlanError>(())
    /// ```
    pub fn from_toml(text: &str) -> Result<Self, toml::PlanError> {
        toml::read_one(text)
    }
}

impl Extend<ExactFault> for FaultPlan {
    fn extend<T: IntoIterator<Item = ExactFault>>(&mut self, faults: T) {
        use super::exact::Towards;
        for fault in faults {
            match fault {
                ExactFault::Frame { towards: Towards::Host, frame, fault } => self.to_host.insert(frame, fault),
                ExactFault::Frame { towards: Towards::Device, frame, fault } => self.to_device.insert(frame, fault),
                ExactFault::Call { .. } | ExactFault::Link { .. } => self.device.insert(fault),
            }
        }
    }
}

impl FromIterator<ExactFault> for FaultPlan {
    fn from_iter<T: IntoIterator<Item = ExactFault>>(faults: T) -> Self {
        let mut plan = Self::new();
        plan.extend(faults);
        plan
    }
}

/// Writes the builder's methods for both directions. The type has `plan_mut`, which gives the plan, and `planned`, which
/// is called when it was changed.
macro_rules! both_directions {
    ($type:ty) => {
        #[doc = "For both directions; each counts its own frames."]
        impl $type {
            both_directions! { @each
                /// [`FrameFaults::loss`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                loss(p: f64);
                /// [`FrameFaults::duplicate`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                duplicate(p: f64);
                /// [`FrameFaults::duplicate_after`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                duplicate_after(p: f64, after: impl Into<DelayRange>) { let after = after.into(); };
                /// [`FrameFaults::reorder`] in both directions.
                ///
                /// # Panics
                /// When it is no probability, or nothing may pass.
                reorder(p: f64, depth: u64);
                /// [`FrameFaults::hold_at_most`] in both directions.
                hold_at_most(time: std::time::Duration);
                /// [`FrameFaults::delay`] in both directions.
                delay(by: impl Into<DelayRange>) { let by = by.into(); };
                /// [`FrameFaults::delay_in_order`] in both directions.
                delay_in_order(by: impl Into<DelayRange>) { let by = by.into(); };
                /// [`FrameFaults::corrupt`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                corrupt(p: f64);
                /// [`FrameFaults::corrupt_and_repair`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                corrupt_and_repair(p: f64);
                /// [`FrameFaults::truncate`] in both directions.
                ///
                /// # Panics
                /// When it is no probability.
                truncate(p: f64);
                /// [`FrameFaults::only`] in both directions.
                only(pattern: impl IntoPacket) { let pattern = &pattern.into_packet(); };
                /// [`FrameFaults::rate`] in both directions.
                ///
                /// # Panics
                /// When it is 0.
                rate(bits_per_second: u64);
                /// [`FrameFaults::queue`] in both directions.
                queue(frames: usize);
                /// [`FrameFaults::mtu`] in both directions.
                mtu(octets: usize);
                /// [`FrameFaults::black_hole`] in both directions.
                black_hole(pattern: impl IntoPacket) { let pattern = &pattern.into_packet(); };
                /// [`FrameFaults::drop_nth`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                drop_nth(n: u64, pattern: impl IntoPacket) { let pattern = &pattern.into_packet(); };
                /// [`FrameFaults::duplicate_nth`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                duplicate_nth(n: u64, pattern: impl IntoPacket) { let pattern = &pattern.into_packet(); };
                /// [`FrameFaults::nth`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                nth(n: u64, pattern: impl IntoPacket, fault: FrameFault) { let pattern = &pattern.into_packet(); };
                /// [`FrameFaults::swap`] in both directions.
                ///
                /// # Panics
                /// When the numbers are the same, or one is 0.
                swap(one: u64, other: u64);
                /// [`FrameFaults::corrupt_octet`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                corrupt_octet(n: u64, octet: usize);
                /// [`FrameFaults::corrupt_octet_and_repair`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                corrupt_octet_and_repair(n: u64, octet: usize);
                /// [`FrameFaults::frame`] in both directions.
                ///
                /// # Panics
                /// When `n` is 0.
                frame(n: u64, fault: FrameFault);
            }
        }
    };
    (@each $($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) $({ $($convert:tt)* })?;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $name(mut self, $($argument: $type),*) -> Self {
            $($($convert)*)?
            let plan = self.plan_mut();
            let (to_host, to_device) = (std::mem::take(&mut plan.to_host), std::mem::take(&mut plan.to_device));
            plan.to_host = to_host.$name($($argument),*);
            plan.to_device = to_device.$name($($argument),*);
            self.planned();
            self
        }
    )*};
}

pub(super) use both_directions;

both_directions!(FaultPlan);

impl FaultPlan {
    const fn plan_mut(&mut self) -> &mut Self {
        self
    }

    #[expect(clippy::unused_self, reason = "a plan does nothing with a change; what is at work does")]
    const fn planned(&self) {}
}
