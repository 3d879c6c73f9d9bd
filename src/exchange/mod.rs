//! Exchanges: what a test sends, what must come back, and an account of every frame.
//!
//! Layer: above [`packet`](crate::packet) and [`device`](crate::device), beside [`answer`](crate::answer). An
//! [`Exchange`] runs on one end of one link: `tun.send(…)`, `tun.expect(…)` at the device end,
//! [`host_end`](crate::context::Link::host_end) gives one at the other.
//!
//! ```text
//!             the link's reader                      the verbs
//!  device ──► monitors ──► machines ──► queue ──► ignore rules ──► expect, receive, sniff …
//!                │            │                        │                │
//!                └────────────┴───── timeline ─────────┴────────────────┘
//!                        every frame: number, time, direction, what became of it
//! ```
//!
//! Verbs assert: they panic at the caller's line with a report that says what was wanted, what came nearest and which
//! of its fields differ. Each has a twin whose name starts with `try_` and which returns a [`Failure`] instead.
//!
//! | verb | wants | frames that do not match |
//! | --- | --- | --- |
//! | `expect(p)` | the next frame | fail |
//! | `expect_sequence([…])` | the next frames, in order | fail |
//! | `expect_in_any_order([…])` | the next frames, in any order | fail |
//! | `expect_eventually(p)` | some later frame | are passed over, and listed |
//! | `never(p).during(d)` | no such frame | wait for later verbs |
//! | `expect_nothing_else()` | no frame at all | |
//! | `sr1(p)`, `sr([…])` | answers to what is sent | wait for later verbs |
//! | `sniff(p, until)` | all such frames | are passed over, and listed |
//! | `receive()` | any frame | |
//! | `replay(&capture)` | nothing: it sends what was recorded, with its times | wait for later verbs |
//!
//! With feature `tokio` the same verbs are futures, at `tun.as_async()`: module `asynchronous`.
//!
//! The [guide] leads from the first `expect` to flows, windows and captures.
//!
//! Every frame ends in one class ([`Accounting`]): matched, answered by a machine, ignored by a rule, skipped,
//! unexpected, or left over.

mod accounting;
#[cfg(feature = "tokio")]
pub mod asynchronous;
mod chart;
mod coverage;
mod end;
mod expectation;
mod failure;
mod far_end;
mod fence;
pub mod flow;
#[doc = include_str!("guide.md")]
pub mod guide {}
mod handed_over;
mod monitor;
mod near_miss;
mod pairing;
mod quiet;
mod record;
mod recorder;
mod replay;
pub(crate) mod report;
mod rule;
mod sequence;
mod sniff;
mod taken;
mod timeline;
mod unanswered;
mod unordered;
mod verb;
mod verdict;
mod window;

use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use accounting::Accounting;
pub(crate) use accounting::Fate;
pub(crate) use end::DeviceEnd;
pub use expectation::{Count, Expectation, Expectations, IntoExpectation, one_of, optional, times};
pub use failure::Failure;
pub use far_end::{Established, Reason};
pub(crate) use far_end::{FarEnd, Faulted, Means};
pub use flow::TcpFlow;
pub use monitor::Monitor;
pub(crate) use monitor::Monitors;
pub use pairing::{Answers, answers};
pub use quiet::Never;
pub use replay::{IntoReplay, Replay, Replayed};
pub use rule::Ignoring;
pub use sniff::Sniff;
pub(crate) use timeline::{Line, Timeline};

use crate::capture::Direction as Way;
#[cfg(feature = "smoltcp")]
use crate::device::SmoltcpDevice;
use crate::device::dispatch::Received;
use crate::device::{Clock, Deadline, Device, Frame, FrameRef, Mode, patience};
use crate::packet::{BuildError, Defaults, Dissection, IntoPacket, Packet};
use failure::{Problem, Told};
use quiet::NothingElse;
pub(crate) use record::Record;
pub(crate) use recorder::{Recorder, Track};
use verb::Until;

/// One end of a link, with the verbs that send to the other end and say what must come back.
///
/// A link is one at its device end ([`Tun`](crate::Tun) and [`Tap`](crate::Tap) dereference to it), and
/// [`HostEnd`](crate::context::HostEnd) is one at the other end. See the [module](self) for the verbs.
pub struct Exchange {
    end: DeviceEnd,
    timeline: Arc<Timeline>,
    record: Arc<Record>,
    far_end: Arc<dyn FarEnd>,
    defaults: Defaults,
    /// Which way frames go that this end sends.
    sends: Way,
    /// The last frame that the test sent or an expectation matched: what time windows count from.
    last_event: Mutex<Option<Instant>>,
    closed: bool,
}

/// What an exchange is made of.
pub(crate) struct Parts {
    pub(crate) device: Arc<dyn Device>,
    /// One line about the link.
    pub(crate) link: String,
    pub(crate) defaults: Defaults,
    pub(crate) monitors: Monitors,
    pub(crate) strict: bool,
    /// Which way frames go that this end sends.
    pub(crate) sends: Way,
    pub(crate) track: Option<Track>,
    pub(crate) far_end: Arc<dyn FarEnd>,
}

impl Exchange {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { device, link, defaults, monitors, strict, sends, track, far_end } = parts;
        let timeline =
            Arc::new(Timeline::new(device.mode(), device.clock(), monitors, Arc::downgrade(&far_end), track));
        let record = Arc::new(Record::new(link, Arc::clone(&timeline), strict));
        let end = DeviceEnd::new(device, Arc::clone(&timeline));
        Self { end, timeline, record, far_end, defaults, sends, last_event: Mutex::default(), closed: false }
    }

    pub(crate) const fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Stops the reader for a hand-over. What comes later is not this exchange's.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        self.end.close()?;
        self.closed = true;
        Ok(())
    }

    /// TUN or TAP.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.end.mode()
    }

    /// The end as the trait that code under test may take. Frames that an answering machine takes do not reach its
    /// [`receive`](Device::receive).
    #[must_use]
    pub const fn device(&self) -> &dyn Device {
        &self.end
    }

    /// The end as a smoltcp `phy::Device`, for a stack that is built on smoltcp: [`SmoltcpDevice`] has an example. Its
    /// stamps count from when the link was made. It is another way to use [`device`](Self::device), with the same account.
    ///
    /// # Panics
    /// When the interface was removed.
    #[cfg(feature = "smoltcp")]
    #[must_use]
    #[track_caller]
    pub fn smoltcp(&self) -> SmoltcpDevice<'_> {
        match SmoltcpDevice::new(&self.end) {
            Ok(device) => device.counting_from(self.timeline.started()),
            Err(error) => panic!("failed to read the MTU: {error}"),
        }
    }

    pub(crate) const fn end(&self) -> &DeviceEnd {
        &self.end
    }

    pub(crate) const fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// What packets get that name no addresses: from this end to the other.
    #[must_use]
    pub const fn defaults(&self) -> &Defaults {
        &self.defaults
    }

    /// Sends one packet: a template that builds, an etherparse header, or octets, which are the whole frame. Missing
    /// lower layers and addresses are filled in from the link; packet information is added where the device has it.
    ///
    /// # Panics
    /// When the template does not build, or the device refuses the frame.
    #[track_caller]
    pub fn send(&self, packet: impl IntoPacket) {
        if let Err(error) = self.try_send(packet) {
            panic!("{error}");
        }
    }

    /// As [`send`](Self::send).
    ///
    /// # Errors
    /// [`BuildError`] inside, when the template does not build; otherwise as [`Device::transmit`].
    #[track_caller]
    pub fn try_send(&self, packet: impl IntoPacket) -> io::Result<()> {
        let octets = self.build(&packet.into_packet())?;
        self.transmit(&octets, Location::caller()).map(drop)
    }

    /// Sends these octets as one frame: an IP packet on TUN, an Ethernet frame on TAP, without packet information.
    ///
    /// # Panics
    /// When the device refuses the frame.
    #[track_caller]
    pub fn send_raw(&self, frame: impl AsRef<[u8]>) {
        if let Err(error) = self.try_send_raw(frame) {
            panic!("{error}");
        }
    }

    /// As [`send_raw`](Self::send_raw).
    ///
    /// # Errors
    /// As [`Device::transmit`].
    #[track_caller]
    pub fn try_send_raw(&self, frame: impl AsRef<[u8]>) -> io::Result<()> {
        self.transmit(frame.as_ref(), Location::caller()).map(drop)
    }

    fn build(&self, packet: &Packet) -> io::Result<Vec<u8>> {
        let because = |error: BuildError| io::Error::new(io::ErrorKind::InvalidInput, error);
        packet.build_with(&self.defaults).map_err(because)
    }

    /// As [`try_send_raw`](Self::try_send_raw), on behalf of that line. Gives the frame's number on the timeline.
    pub(crate) fn transmit(&self, octets: &[u8], line: Line) -> io::Result<u64> {
        // The reader first: what comes back is stamped when it comes.
        self.end.reader(None)?;
        let number = self.timeline.sending(octets, line);
        self.timeline.flush();
        self.event(self.now());
        let sent = self.end.send(FrameRef::new(self.mode(), octets));
        sent.map(|()| number).map_err(|error| {
            self.timeline.refused(number, line, &error);
            match error.get_ref() {
                Some(_) => error,
                None => io::Error::new(error.kind(), SendError { frame: describe(self.mode(), octets), error }),
            }
        })
    }

    /// The next frame from the other end that no answering machine and no ignore rule took. Waits 10 s (times
    /// `TUNTAP_TEST_TIMEOUT_SCALE`).
    ///
    /// # Panics
    /// When none comes in that time.
    #[must_use]
    #[track_caller]
    pub fn receive(&self) -> Frame {
        let line = Location::caller();
        let begin = self.now();
        match self.received(self.take(Until::after(begin, patience())), line, begin) {
            Ok(frame) => frame,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`receive`](Self::receive), with a deadline of the caller's.
    ///
    /// # Errors
    /// `TimedOut` or `WouldBlock` as the deadline says, otherwise as [`Device::receive`].
    #[track_caller]
    pub fn try_receive(&self, deadline: impl Into<Deadline>) -> io::Result<Frame> {
        self.receive_for(deadline.into(), Location::caller())
    }

    /// As [`try_receive`](Self::try_receive), on behalf of that line.
    pub(crate) fn receive_for(&self, deadline: Deadline, line: Line) -> io::Result<Frame> {
        self.take(Until::begin(deadline, self.now())).map(|received| self.give_out(received, line))
    }

    fn received(&self, taken: io::Result<Received>, line: Line, begin: Instant) -> Result<Frame, Failure> {
        taken.map(|received| self.give_out(received, line)).map_err(|error| {
            Failure::new(self, Problem::nothing_came("receive", Some(line), self.since(begin), &error))
        })
    }

    fn give_out(&self, received: Received, line: Line) -> Frame {
        self.timeline.mark(received.number(), Fate::Matched { by: "receive".into(), line });
        received.into_frame()
    }

    /// Frames like this are background: they are taken out before an expectation sees them, and counted. What no rule
    /// ever met is mentioned in the report. Give it a name: `tun.ignore(Icmpv6::new()).named("MLD")`.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use tuntap_test::packet::Icmpv6;
    /// # let mut context = TestContext::new(Backend::Mock, "ignore")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    /// tun.ignore(Icmpv6::new().icmp_type([130, 131, 143])).named("MLD");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn ignore(&self, pattern: impl IntoPacket) -> Ignoring<'_> {
        self.record.rules.add(pattern.into_packet())
    }

    /// Switches one of the rules off that always hold for what the code under test emits; they are on from the start.
    pub fn disable(&self, monitor: Monitor) {
        self.timeline.monitors.switch(monitor, false);
    }

    /// Switches it on again.
    pub fn enable(&self, monitor: Monitor) {
        self.timeline.monitors.switch(monitor, true);
    }

    /// A TCP connection between the test, which plays the peer, and the host: it keeps the numbers of both directions.
    /// Over IPv4, unless the link has only IPv6. At the host end the roles are exchanged: the test plays the host.
    ///
    /// # Panics
    /// When the link has no addresses.
    #[track_caller]
    pub fn tcp_flow(&self, own_port: u16, other_port: u16) -> TcpFlow {
        match (self.defaults.v4, self.defaults.v6) {
            (Some((own, other)), _) => TcpFlow::new(own, own_port, other, other_port),
            (None, Some((own, other))) => TcpFlow::new(own, own_port, other, other_port),
            (None, None) => panic!("the link has no addresses for a TCP connection"),
        }
    }

    /// As [`tcp_flow`](Self::tcp_flow), over IPv6.
    ///
    /// # Panics
    /// When the link has no IPv6 addresses.
    #[track_caller]
    pub fn tcp_flow_v6(&self, own_port: u16, other_port: u16) -> TcpFlow {
        match self.defaults.v6 {
            Some((own, other)) => TcpFlow::new(own, own_port, other, other_port),
            None => panic!("the link has no IPv6 addresses for a TCP connection"),
        }
    }

    /// The time of the link: virtual on the mock, the system's on the kernel backend.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.timeline.clock
    }

    /// What became of every frame so far.
    #[must_use]
    pub fn accounting(&self) -> Accounting {
        // On a link in memory what is due arrives when somebody looks.
        self.timeline.clock.settle();
        self.timeline.accounting()
    }

    /// Every frame so far, oldest first, with its time and its direction: what the test sent, what machines replied, and
    /// what came from the other end, whatever became of it. Fences are left out. The last 10,000 frames or 16 MiB are
    /// kept.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::Tun;
    /// use tuntap_test::device::{DeviceConfig, Direction};
    /// use tuntap_test::packet::Icmpv4;
    /// # let mut context = TestContext::new(Backend::Mock, "frames")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// tun.send(Icmpv4::echo_request(7, 1));
    /// tun.expect(Icmpv4::echo_reply(7, 1));
    /// let directions: Vec<_> = tun.frames().iter().map(|frame| frame.direction()).collect();
    /// assert_eq!(directions, [Direction::Sent, Direction::Received]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn frames(&self) -> Vec<Frame> {
        self.timeline.frames()
    }

    fn event(&self, at: Instant) {
        lock(&self.record.stalls).event();
        *lock(&self.last_event) = Some(at);
    }

    /// What time windows count from: the last event, or now.
    fn reference(&self) -> Instant {
        lock(&self.last_event).unwrap_or_else(|| self.now())
    }

    /// A frame is what an expectation wants.
    fn matched(&self, received: &Received, wanted: &Expectation, pattern: &Packet, line: Line) {
        self.timeline.mark(received.number(), Fate::Matched { by: wanted.title().into(), line });
        lock(&self.record.coverage).note(pattern, &Dissection::new(received.frame()));
        self.event(received.at());
        for learn in &pattern.on_match {
            learn(received.frame());
        }
    }

    /// The present instant on the link's clock.
    pub(crate) fn now(&self) -> Instant {
        self.timeline.clock.now()
    }

    /// How long ago that was.
    pub(crate) fn since(&self, begin: Instant) -> Duration {
        self.now().saturating_duration_since(begin)
    }

    /// The record outlives the link.
    pub(crate) fn note_faults(&self) {
        *lock(&self.record.faults) = self.far_end.faults();
    }

    /// Fails when a monitor found something that no verb has told yet.
    pub(crate) fn check_monitors(&self, line: Option<Line>) -> Result<(), Failure> {
        match self.timeline.take_violation() {
            None => Ok(()),
            Some(violation) => Err(Failure::new(self, Problem::violation(self, &violation, line))),
        }
    }
}

impl Exchange {
    /// As [`check_monitors`](Self::check_monitors), of all that the device holds now.
    pub(crate) fn check_all(&self, line: Option<Line>) -> Result<(), Failure> {
        self.end.catch_up("be judged", verb::CATCH_UP);
        self.check_monitors(line)
    }
}

/// When the link goes, what no verb has told is found: what a monitor saw, and in a strict test what nobody wanted. The
/// end of the test fails with it.
impl Drop for Exchange {
    fn drop(&mut self) {
        let verdict = if self.closed || std::thread::panicking() {
            None
        } else if self.record.is_strict() {
            self.drive(NothingElse::new(self, None)).err()
        } else {
            self.check_all(None).err()
        };
        self.note_faults();
        self.record.end(verdict);
    }
}

/// The device refused a frame.
#[derive(Debug)]
struct SendError {
    frame: String,
    error: io::Error,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to send a frame: {}: {}", self.frame, Told(&self.error))
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

fn describe(mode: Mode, octets: &[u8]) -> String {
    FrameRef::new(mode, octets).summary().to_string()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("mode", &self.mode())
            .field("accounting", &self.accounting())
            .finish_non_exhaustive()
    }
}
