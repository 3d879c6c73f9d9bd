//! A plan at work: frames and calls go in with their times, what becomes of them comes out.
//!
//! Layer: `fault`. It asks no clock, waits for nothing and starts nothing: the same plan with the same frames at
//! the same times gives the same, always.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::calls::{CallCounter, CallFaults};
use super::event::{Event, Log};
use super::exact::{Call, LinkFault, Towards};
use super::lane::Lane;
use super::plan::FaultPlan;
use super::report::Report;
use crate::device::FrameRef;

/// A frame that comes out of an [`Injector`] and arrives now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery<'a> {
    /// Its direction.
    pub towards: Towards,
    /// Which frame of that direction it is, counted from 1 as they came in.
    pub number: u64,
    /// 0 for the frame itself, 1 for its first copy, and so on.
    pub copy: u32,
    /// When it arrives: the time that was passed, or an earlier one when the injector was not asked in between.
    pub at: Duration,
    /// Its octets, corrupted or truncated where that was planned.
    pub octets: Cow<'a, [u8]>,
    /// What faults did to it, for a capture's comment.
    pub note: Option<String>,
    /// Whether its octets are other ones than came in.
    pub altered: bool,
}

/// Does what a [`FaultPlan`] says to the frames of a link, and to the calls at its device end.
///
/// A pure machine: time comes in with each call, counted from the start of the link's clock, and what is late comes out
/// when it is asked for. Times must not go back; one that does counts as the latest.
///
/// ```
/// use std::time::Duration;
/// use tuntap_test::device::{FrameRef, Mode};
/// use tuntap_test::fault::{FaultPlan, Injector, Towards};
/// use tuntap_test::packet::{IntoPacket, Ipv4, Udp};
///
/// let ms = Duration::from_millis;
/// let plan = FaultPlan::new().to_host(|frames| frames.drop_nth(1, Udp::new().dport(53)).delay(ms(20)));
/// let mut injector = Injector::new(plan);
///
/// let query = (Ipv4::new() / Udp::new().sport(9).dport(53) / b"hello").build()?;
/// let query = FrameRef::new(Mode::Tun, &query);
/// let mut arrived = Vec::new();
/// injector.frame(Towards::Host, query, ms(0), |frame| arrived.push((frame.number, frame.at)));
/// injector.frame(Towards::Host, query, ms(1), |frame| arrived.push((frame.number, frame.at)));
///
/// // The first is dropped, the second under way.
/// assert_eq!(arrived, []);
/// assert_eq!(injector.next_due(), Some(ms(21)));
/// injector.due(ms(21), |frame| arrived.push((frame.number, frame.at)));
/// assert_eq!(arrived, [(2, ms(21))]);
///
/// let happened = injector.happened()[0].to_string();
/// assert_eq!(happened, "dropped #1 to host: 192.0.2.2:9 > 192.0.2.1:53 UDP 5 octets (drop_nth 1)");
/// # Ok::<(), tuntap_test::packet::BuildError>(())
/// ```
pub struct Injector {
    plan: FaultPlan,
    now: Duration,
    to_host: Lane,
    to_device: Lane,
    calls: CallCounter,
    log: Log,
}

impl Injector {
    /// An injector at the start of its plan.
    #[must_use]
    pub fn new(plan: FaultPlan) -> Self {
        let seed = plan.seed;
        Self {
            now: Duration::ZERO,
            to_host: Lane::new(plan.to_host.clone(), seed, Towards::Host),
            to_device: Lane::new(plan.to_device.clone(), seed, Towards::Device),
            calls: CallCounter::new(plan.device.clone(), seed),
            log: Log::default(),
            plan,
        }
    }

    /// The plan.
    pub const fn plan(&self) -> &FaultPlan {
        &self.plan
    }

    /// Goes on with another plan. Frames and calls are counted on, what is under way stays under way, and a fault for
    /// the n-th match that stands at the same place in both plans counts on; others count from here.
    pub fn replan(&mut self, plan: FaultPlan) {
        self.to_host.replan(plan.to_host.clone(), plan.seed);
        self.to_device.replan(plan.to_device.clone(), plan.seed);
        self.calls.replan(plan.device.clone(), plan.seed);
        self.plan = plan;
    }

    /// A frame comes in. First comes out what was due by now, then what this frame makes come out: itself, copies,
    /// frames that waited for it, or nothing. Gives its number in its direction.
    pub fn frame(
        &mut self,
        towards: Towards,
        frame: FrameRef<'_>,
        now: Duration,
        mut out: impl FnMut(Delivery<'_>),
    ) -> u64 {
        self.let_out(now, &mut out);
        let lane = match towards {
            Towards::Host => &mut self.to_host,
            Towards::Device => &mut self.to_device,
        };
        lane.arrive(frame, self.now, &mut self.log, &mut out)
    }

    /// Lets out what is due by now, in order of time; of one instant, what goes to the host first.
    pub fn due(&mut self, now: Duration, mut out: impl FnMut(Delivery<'_>)) {
        self.let_out(now, &mut out);
    }

    /// When something is due next: a frame that is delayed or held, or something that happens to the link. A clock must
    /// not jump past it.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        [self.next_late(), self.calls.next()].into_iter().flatten().min()
    }

    /// When the next frame comes out that is delayed or held.
    pub(super) fn next_late(&self) -> Option<Duration> {
        [self.to_host.next(), self.to_device.next()].into_iter().flatten().min()
    }

    /// How many frames and copies are delayed or held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.to_host.len() + self.to_device.len()
    }

    /// The next thing that happens to the link by time and is due by now, with its time. Ask until there is none; at one
    /// instant, before [`due`](Self::due). What nobody asked for comes with the next call, from
    /// [`on_call`](Self::on_call).
    pub fn link_due(&mut self, now: Duration) -> Option<(Duration, LinkFault)> {
        self.now = self.now.max(now);
        self.calls.link_due(self.now, &mut self.log)
    }

    /// A call at the device end begins: what happens to the link before it, and how it fails. Ask once a call.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntap_test::fault::{Call, CallFault, FaultPlan, Injector};
    ///
    /// let plan = FaultPlan::new().device(|device| device.on(Call::Receive, 2, CallFault::Eintr));
    /// let mut injector = Injector::new(plan);
    /// assert_eq!(injector.on_call(Call::Receive, Duration::ZERO).fault, None);
    /// assert_eq!(injector.on_call(Call::Receive, Duration::ZERO).fault, Some(CallFault::Eintr));
    /// ```
    pub fn on_call(&mut self, call: Call, now: Duration) -> CallFaults {
        self.now = self.now.max(now);
        self.calls.begin(call, self.now, &mut self.log)
    }

    /// How many frames of that direction came in so far.
    #[must_use]
    pub const fn frames(&self, towards: Towards) -> u64 {
        match towards {
            Towards::Host => self.to_host.count(),
            Towards::Device => self.to_device.count(),
        }
    }

    /// How many such calls there were so far.
    #[must_use]
    pub const fn calls(&self, call: Call) -> u64 {
        self.calls.count(call)
    }

    /// The last receive that began gave nothing: the next is the same call.
    pub(crate) const fn take_receive_back(&mut self) {
        self.calls.take_receive_back();
    }

    /// What was done so far, in order. At most the first 100,000 faults are kept.
    #[must_use]
    pub fn happened(&self) -> &[Event] {
        &self.log.events
    }

    /// A plan of exact faults that does again what was done so far, whatever was random in the plan that did it.
    ///
    /// It does the same to the same frames: a test that reacts otherwise sends other frames, and meets the faults by
    /// their numbers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tuntap_test::device::{FrameRef, Mode};
    /// use tuntap_test::fault::{FaultPlan, Injector, Towards};
    ///
    /// let send = |injector: &mut Injector| {
    ///     let mut arrived = Vec::new();
    ///     for _ in 0..20 {
    ///         let frame = FrameRef::new(Mode::Tun, &[0x45; 20]);
    ///         injector.frame(Towards::Device, frame, Duration::ZERO, |frame| arrived.push(frame.number));
    ///     }
    ///     arrived
    /// };
    /// let mut injector = Injector::new(FaultPlan::new().seed(7).to_device(|frames| frames.loss(0.3).reorder(0.3, 3)));
    /// let arrived = send(&mut injector);
    /// assert!(arrived.len() < 20);
    /// assert_eq!(send(&mut Injector::new(injector.exact_plan())), arrived);
    /// ```
    pub fn exact_plan(&self) -> FaultPlan {
        let plan: FaultPlan = self.log.events.iter().map(|event| event.what).collect();
        plan.seed(self.plan.seed)
    }

    /// A few lines for people: the plan with its seed, and what was done.
    pub const fn report(&self) -> Report<'_> {
        Report { plan: &self.plan, events: self.log.events.as_slice(), unrecorded: self.log.unrecorded }
    }

    /// `fault-plan.toml`: the [exact plan](Self::exact_plan), with a comment for each fault that tells the frame and
    /// the cause.
    #[must_use]
    pub fn to_toml(&self) -> String {
        super::toml::write(self.plan.seed, &self.log.events, self.log.unrecorded)
    }

    /// The same without what stands at the head of a file.
    pub(crate) fn to_section(&self) -> String {
        super::toml::write_section(self.plan.seed, &self.log.events, self.log.unrecorded)
    }

    fn let_out(&mut self, now: Duration, out: &mut dyn FnMut(Delivery<'_>)) {
        self.now = self.now.max(now);
        loop {
            let (host, device) = (self.to_host.next(), self.to_device.next());
            let lane = match (host, device) {
                (Some(host), Some(device)) if host > device => &mut self.to_device,
                (None, _) => &mut self.to_device,
                _ => &mut self.to_host,
            };
            match lane.next() {
                Some(next) if next <= self.now => lane.step(&mut self.log, out),
                _ => return,
            }
        }
    }
}

impl fmt::Debug for Injector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, faults) = (&self.plan, self.log.events.len());
        write!(f, "Injector({plan}; {faults} faults done, {} frames held at {:?})", self.held(), self.now)
    }
}
