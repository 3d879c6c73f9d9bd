//! The verbs as futures: a test awaits a frame and its runtime goes on meanwhile.
//!
//! Layer: `exchange`, feature `tokio`. A view of a link whose verbs have the names that they have without it:
//!
//! ```
//! use tuntap_test::packet::Icmpv4;
//! use tuntap_test::{Tun, tuntap_test};
//!
//! #[tuntap_test]
//! #[tokio::test]
//! async fn the_host_answers_ping(tun: Tun) {
//!     let tun = tun.as_async();
//!     tun.send(Icmpv4::echo_request(7, 1) / b"hello");
//!     tun.expect(Icmpv4::echo_reply(7, 1) / b"hello").await;
//!     tun.expect_nothing_else().await;
//! }
//! ```
//!
//! Meaning, reports and accounting are those of the verbs that block; only how one waits differs.
//!
//! # Dropped before it is done
//! A future that is dropped (`tokio::time::timeout`, `select!`, an aborted task) has taken no frame: those that it had
//! looked at wait for the next verb, in their order, and are left over until then. What was sent is sent, and what a
//! [`TcpFlow`](super::TcpFlow) learnt from a frame it knows.
//!
//! # Several tasks
//! Each link has its own frames: tasks that wait on different links do not meet. Of several that wait on one link any
//! may be given the next frame.
//!
//! # Runtimes and clocks
//! Any tokio runtime with its timer enabled, of either flavour; frames come from the link's reader, a thread of its own.
//! Deadlines stand on tokio's clock, but a frame's time is real: `within` and `not_before` judge that. A paused clock
//! (`tokio::time::pause`, `start_paused`) jumps to the next deadline whenever every task waits, so what was not at the
//! device by then has not come in time: on the mock, whose host answers before a write returns, that is exact; a kernel
//! or a program that takes its time is not waited for. Deadlines that were jumped to wait at most 100 ms of real time for
//! the reader to catch up.
//!
//! A machine's [`Answering`](crate::answer::Answering) and the end of a strict test still block their thread.

mod driver;
mod future;

use std::fmt;
use std::io;
use std::ops::Deref;
use std::panic::Location;
use std::time::Duration;

pub use future::{Asserting, Trying};

use super::pairing::Pairing;
use super::quiet::{NothingElse, Watch};
use super::replay::Replaying;
use super::sequence::Run;
use super::sniff::{Skipped, Sniffing};
use super::unordered::AnyOrder;
use super::verb::Until;
use super::{
    Answers, Established, Exchange, Expectation, Expectations, Failure, IntoExpectation, IntoReplay, Replayed, Sniff,
};
use crate::device::{Deadline, Frame, patience};
use crate::packet::IntoPacket;

/// A link whose verbs are futures: [`Link::as_async`](crate::Link::as_async),
/// [`Exchange::as_async`]. See the [module](self).
///
/// It dereferences to what it is a view of: `send` and all that does not wait for a frame stands there.
pub struct AsyncExchange<'a, L: ?Sized> {
    exchange: &'a Exchange,
    link: &'a L,
}

impl Exchange {
    /// The same with verbs that are futures: `host.as_async().expect(…).await`. See
    /// [`asynchronous`](self).
    #[must_use]
    pub const fn as_async(&self) -> AsyncExchange<'_, Self> {
        AsyncExchange::new(self, self)
    }
}

impl<'a, L: ?Sized> AsyncExchange<'a, L> {
    pub(crate) const fn new(exchange: &'a Exchange, link: &'a L) -> Self {
        Self { exchange, link }
    }

    /// As [`Exchange::receive`].
    ///
    /// # Panics
    /// The future panics when none comes in that time.
    #[track_caller]
    pub fn receive(&self) -> Asserting<'a, Frame> {
        let (exchange, line) = (self.exchange, Location::caller());
        Asserting::new(async move {
            let begin = exchange.now();
            let taken = exchange.take_async(Until::after(begin, patience())).await;
            exchange.received(taken, line, begin)
        })
    }

    /// As [`Exchange::try_receive`].
    ///
    /// # Errors
    /// The future gives `TimedOut` or `WouldBlock` as the deadline says, otherwise as
    /// [`Device::receive`](crate::device::Device::receive).
    #[track_caller]
    pub fn try_receive(&self, deadline: impl Into<Deadline>) -> Trying<'a, Frame, io::Error> {
        let (exchange, deadline, line) = (self.exchange, deadline.into(), Location::caller());
        Trying::new(async move {
            let taken = exchange.take_async(Until::begin(deadline, exchange.now())).await;
            taken.map(|received| exchange.give_out(received, line))
        })
    }

    /// As [`Exchange::expect`].
    ///
    /// # Panics
    /// The future panics when the next frame does not match, or none comes, with the report.
    #[track_caller]
    pub fn expect(&self, expected: impl IntoExpectation) -> Asserting<'a, Frame> {
        self.try_expect(expected).into()
    }

    /// As [`expect`](Self::expect).
    ///
    /// # Errors
    /// When the next frame does not match, or none comes.
    #[track_caller]
    pub fn try_expect(&self, expected: impl IntoExpectation) -> Trying<'a, Frame> {
        let (exchange, expected, line) = (self.exchange, expected.into_expectation(), Location::caller());
        Trying::new(async move { exchange.drive_async(Run::expect(exchange, expected, line)).await })
    }

    /// As [`Exchange::expect_eventually`].
    ///
    /// # Panics
    /// The future panics when no frame that matches comes.
    #[track_caller]
    pub fn expect_eventually(&self, expected: impl IntoExpectation) -> Asserting<'a, Frame> {
        self.try_expect_eventually(expected).into()
    }

    /// As [`expect_eventually`](Self::expect_eventually).
    ///
    /// # Errors
    /// When no frame that matches comes.
    #[track_caller]
    pub fn try_expect_eventually(&self, expected: impl IntoExpectation) -> Trying<'a, Frame> {
        let (exchange, expected, line) = (self.exchange, expected.into_expectation(), Location::caller());
        Trying::new(async move { exchange.drive_async(Run::expect_eventually(exchange, expected, line)).await })
    }

    /// As [`Exchange::expect_sequence`].
    ///
    /// # Panics
    /// The future panics at the first frame that does not match, or when one does not come.
    #[track_caller]
    pub fn expect_sequence(&self, expected: impl Expectations) -> Asserting<'a, Vec<Frame>> {
        self.try_expect_sequence(expected).into()
    }

    /// As [`expect_sequence`](Self::expect_sequence).
    ///
    /// # Errors
    /// At the first frame that does not match, or when one does not come.
    #[track_caller]
    pub fn try_expect_sequence(&self, expected: impl Expectations) -> Trying<'a, Vec<Frame>> {
        let (exchange, expected, line) = (self.exchange, expected.into_list(), Location::caller());
        Trying::new(async move { exchange.drive_async(Run::expect_sequence(exchange, expected, line)).await })
    }

    /// As [`Exchange::expect_in_any_order`].
    ///
    /// # Panics
    /// The future panics at the first frame that is none of them, or when one does not come.
    #[track_caller]
    pub fn expect_in_any_order(&self, expected: impl Expectations) -> Asserting<'a, Vec<Frame>> {
        self.try_expect_in_any_order(expected).into()
    }

    /// As [`expect_in_any_order`](Self::expect_in_any_order).
    ///
    /// # Errors
    /// At the first frame that is none of them, or when one does not come.
    #[track_caller]
    pub fn try_expect_in_any_order(&self, expected: impl Expectations) -> Trying<'a, Vec<Frame>> {
        let (exchange, expected, line) = (self.exchange, expected.into_list(), Location::caller());
        Trying::new(async move { exchange.drive_async(AnyOrder::new(exchange, expected, line)).await })
    }

    /// As [`Exchange::never`]: `tun.never(Tcp::new().rst()).during(d).await`. The time begins with the first poll.
    ///
    /// # Panics
    /// When the pattern has a time window or a count.
    #[track_caller]
    pub fn never(&self, pattern: impl IntoExpectation) -> AsyncNever<'a> {
        let pattern = pattern.into_expectation();
        pattern.assert_plain("never");
        AsyncNever { exchange: self.exchange, pattern }
    }

    /// As [`Exchange::expect_nothing_else`]. The fence's answer is awaited, too.
    ///
    /// # Panics
    /// The future panics when a frame came that nobody wanted, with the report.
    #[track_caller]
    pub fn expect_nothing_else(&self) -> Asserting<'a, ()> {
        let nothing_else = self.try_expect_nothing_else();
        Asserting::new(async move { nothing_else.await.map(drop) })
    }

    /// As [`expect_nothing_else`](Self::expect_nothing_else); tells how it was established.
    ///
    /// # Errors
    /// When a frame came that nobody wanted.
    #[track_caller]
    pub fn try_expect_nothing_else(&self) -> Trying<'a, Established> {
        let (exchange, line) = (self.exchange, Location::caller());
        Trying::new(async move { exchange.drive_async(NothingElse::new(exchange, Some(line))).await })
    }

    /// As [`Exchange::sr1`]. The request is sent at the first poll.
    ///
    /// # Panics
    /// The future panics when the request does not build, or nothing answers.
    #[track_caller]
    pub fn sr1(&self, request: impl IntoPacket) -> Asserting<'a, Frame> {
        self.try_sr1(request).into()
    }

    /// As [`sr1`](Self::sr1).
    ///
    /// # Errors
    /// When the request does not build, or nothing answers.
    #[track_caller]
    pub fn try_sr1(&self, request: impl IntoPacket) -> Trying<'a, Frame> {
        let (exchange, request, line) = (self.exchange, request.into_packet(), Location::caller());
        Trying::new(async move { exchange.drive_async(Pairing::sr1(exchange, request, line)).await })
    }

    /// As [`Exchange::sr`]. The requests are sent at the first poll.
    ///
    /// # Panics
    /// The future panics when a request does not build, or the device fails.
    #[track_caller]
    pub fn sr<P: IntoPacket>(&self, requests: impl IntoIterator<Item = P>) -> Asserting<'a, Answers> {
        self.try_sr(requests).into()
    }

    /// As [`sr`](Self::sr).
    ///
    /// # Errors
    /// When a request does not build, or the device fails.
    #[track_caller]
    pub fn try_sr<P: IntoPacket>(&self, requests: impl IntoIterator<Item = P>) -> Trying<'a, Answers> {
        let requests = requests.into_iter().map(IntoPacket::into_packet).collect();
        let (exchange, line) = (self.exchange, Location::caller());
        Trying::new(async move { exchange.drive_async(Pairing::sr(exchange, requests, line)).await })
    }

    /// As [`Exchange::sniff`]. The time begins with the first poll. Frames that do not match are kept until the end, for
    /// the case that the future is dropped.
    ///
    /// # Panics
    /// The future panics when a number was asked for without a time and does not come, or the device fails.
    #[track_caller]
    pub fn sniff(&self, filter: impl IntoExpectation, until: impl Into<Sniff>) -> Asserting<'a, Vec<Frame>> {
        self.try_sniff(filter, until).into()
    }

    /// As [`sniff`](Self::sniff).
    ///
    /// # Errors
    /// When a number was asked for without a time and does not come, or the device fails.
    ///
    /// # Panics
    /// At once, when the filter has a time window or a count of its own.
    #[track_caller]
    pub fn try_sniff(&self, filter: impl IntoExpectation, until: impl Into<Sniff>) -> Trying<'a, Vec<Frame>> {
        let (exchange, line) = (self.exchange, Location::caller());
        let (filter, until) = (filter.into_expectation(), until.into());
        filter.assert_plain("sniff");
        Trying::new(
            async move { exchange.drive_async(Sniffing::new(exchange, filter, until, Skipped::Held, line)).await },
        )
    }
}

impl<'a, L: ?Sized> AsyncExchange<'a, L> {
    /// As [`Exchange::replay`]. The first frame is sent at the first poll; tokio's timer counts milliseconds, so that the
    /// others may be one late. Dropped before its end, it sends no more.
    ///
    /// # Panics
    /// The future panics when nothing is selected, when it is not clear which side or interface is meant, when a
    /// selected frame was cut or does not fit the link, and when the device refuses one.
    #[track_caller]
    pub fn replay<'c>(&self, recorded: impl IntoReplay<'c>) -> Asserting<'c, Replayed>
    where
        'a: 'c,
    {
        self.try_replay(recorded).into()
    }

    /// As [`replay`](Self::replay).
    ///
    /// # Errors
    /// When nothing is selected, when it is not clear which side or interface is meant, when a selected frame was cut or
    /// does not fit the link, and when the device refuses one.
    #[track_caller]
    pub fn try_replay<'c>(&self, recorded: impl IntoReplay<'c>) -> Trying<'c, Replayed>
    where
        'a: 'c,
    {
        let (exchange, replay, line) = (self.exchange, recorded.into_replay(), Location::caller());
        Trying::new(async move { exchange.drive_async(Replaying::new(exchange, replay, line)).await })
    }
}

impl<L: ?Sized> Clone for AsyncExchange<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: ?Sized> Copy for AsyncExchange<'_, L> {}

impl<L: ?Sized> Deref for AsyncExchange<'_, L> {
    type Target = L;

    fn deref(&self) -> &L {
        self.link
    }
}

impl<L: ?Sized> fmt::Debug for AsyncExchange<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncExchange").field(self.exchange).finish()
    }
}

/// As [`Never`](super::Never): a claim that no such frame comes, for as long as [`during`](Self::during) says.
#[must_use = "nothing is watched until `during` says how long"]
pub struct AsyncNever<'a> {
    exchange: &'a Exchange,
    pattern: Expectation,
}

impl<'a> AsyncNever<'a> {
    /// As [`Never::during`](super::Never::during).
    ///
    /// # Panics
    /// The future panics when such a frame comes, with the report.
    #[track_caller]
    pub fn during(self, time: Duration) -> Asserting<'a, ()> {
        self.try_during(time).into()
    }

    /// As [`during`](Self::during).
    ///
    /// # Errors
    /// When such a frame comes, or the device fails.
    #[track_caller]
    pub fn try_during(self, time: Duration) -> Trying<'a, ()> {
        let (Self { exchange, pattern }, line) = (self, Location::caller());
        Trying::new(async move { exchange.drive_async(Watch::new(exchange, pattern, time, line)).await })
    }
}

impl fmt::Debug for AsyncNever<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsyncNever({})", self.pattern)
    }
}

impl<'a, T> From<Trying<'a, T, Failure>> for Asserting<'a, T> {
    fn from(trying: Trying<'a, T, Failure>) -> Self {
        trying.asserting()
    }
}
