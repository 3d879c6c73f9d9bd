//! `expect`, `expect_sequence`, `expect_eventually`: frames in order, strictly or with others in between.

use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::failure::{Looked, Problem, Telling, Told};
use super::report::cut;
use super::verb::{Need, Until, Verb, is_timeout};
use super::verdict::Excuse;
use super::window::MissedWindow;
use super::{Exchange, Expectation, Expectations, Failure, Fate, IntoExpectation, Line};
use crate::device::dispatch::Received;
use crate::device::{Frame, patience};
use crate::packet::Dissection;

/// The longest name in a headline, in characters.
const LONGEST_NAME: usize = 60;

/// What is done with a frame that is not wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Fail,
    Skip,
}

impl Exchange {
    /// The next frame must match. Waits 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`) unless the expectation says
    /// [`within`](IntoExpectation::within). Gives the frame; of a count the last, which is why
    /// [`expect_sequence`](Self::expect_sequence) exists.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use tuntap_test::exchange::IntoExpectation;
    /// use tuntap_test::packet::{Icmpv4, Ipv4};
    /// # let mut context = TestContext::new(Backend::Mock, "expect")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// tun.send(Icmpv4::echo_request(7, 1) / b"hello");
    /// let reply = tun.expect((Ipv4::new().ttl(64) / Icmpv4::echo_reply(7, 1) / b"hello").named("reply"));
    /// assert_eq!(reply.len(), 33);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// When it does not, with the report.
    #[track_caller]
    pub fn expect(&self, expected: impl IntoExpectation) -> Frame {
        match self.try_expect(expected) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`expect`](Self::expect).
    ///
    /// # Errors
    /// When the next frame does not match, or none comes.
    #[track_caller]
    pub fn try_expect(&self, expected: impl IntoExpectation) -> Result<Frame, Failure> {
        self.drive(Run::expect(self, expected.into_expectation(), Location::caller()))
    }

    /// A frame must come that matches; others may pass before it, and the report lists them.
    ///
    /// # Panics
    /// When none comes in 10 s (times `TUNTAP_TEST_TIMEOUT_SCALE`), or in the time that the expectation says.
    #[track_caller]
    pub fn expect_eventually(&self, expected: impl IntoExpectation) -> Frame {
        match self.try_expect_eventually(expected) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`expect_eventually`](Self::expect_eventually).
    ///
    /// # Errors
    /// When no frame that matches comes.
    #[track_caller]
    pub fn try_expect_eventually(&self, expected: impl IntoExpectation) -> Result<Frame, Failure> {
        self.drive(Run::expect_eventually(self, expected.into_expectation(), Location::caller()))
    }

    /// The next frames must match, one after the other, with nothing between. Gives the frames.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use tuntap_test::exchange::{optional, times};
    /// use tuntap_test::packet::{Icmpv4, Udp};
    /// # let mut context = TestContext::new(Backend::Mock, "sequence")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// for seq in 1..=3 {
    ///     tun.send(Icmpv4::echo_request(7, seq));
    /// }
    /// let replies = tun.expect_sequence((times(2..=3, Icmpv4::echo_reply(7, 1..)), optional(Udp::new())));
    /// assert_eq!(replies.len(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// At the first frame that does not match, or when one does not come.
    #[track_caller]
    pub fn expect_sequence(&self, expected: impl Expectations) -> Vec<Frame> {
        match self.try_expect_sequence(expected) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`expect_sequence`](Self::expect_sequence).
    ///
    /// # Errors
    /// At the first frame that does not match, or when one does not come.
    #[track_caller]
    pub fn try_expect_sequence(&self, expected: impl Expectations) -> Result<Vec<Frame>, Failure> {
        self.drive(Run::expect_sequence(self, expected.into_list(), Location::caller()))
    }
}

fn last(taken: &mut Vec<Received>) -> Option<Frame> {
    taken.pop().map(Received::into_frame)
}

fn all(taken: &mut Vec<Received>) -> Option<Vec<Frame>> {
    Some(taken.drain(..).map(Received::into_frame).collect())
}

/// A run through a list of expectations.
pub(super) struct Run<'a, T> {
    exchange: &'a Exchange,
    verb: &'static str,
    expected: Arc<[Expectation]>,
    others: Others,
    line: Line,
    /// What it gives of the frames; `None` where they are too few.
    give: fn(&mut Vec<Received>) -> Option<T>,
    /// The expectation that is next, and how often it was met.
    at: usize,
    count: usize,
    begin: Instant,
    /// When the frame that is next was asked for.
    asked: Instant,
    reference: Instant,
    taken: Vec<Received>,
    passed: Vec<Received>,
}

impl<'a> Run<'a, Frame> {
    pub(super) fn expect(exchange: &'a Exchange, expected: Expectation, line: Line) -> Self {
        Self::new(exchange, "expect", Arc::new([expected]), Others::Fail, line, last)
    }

    pub(super) fn expect_eventually(exchange: &'a Exchange, expected: Expectation, line: Line) -> Self {
        Self::new(exchange, "expect_eventually", Arc::new([expected]), Others::Skip, line, last)
    }
}

impl<'a> Run<'a, Vec<Frame>> {
    pub(super) fn expect_sequence(exchange: &'a Exchange, expected: Vec<Expectation>, line: Line) -> Self {
        Self::new(exchange, "expect_sequence", expected.into(), Others::Fail, line, all)
    }
}

impl<T> Verb for Run<'_, T> {
    type Output = T;

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        while let Some(wanted) = self.expected.get(self.at) {
            if self.count < wanted.most {
                let now = self.exchange.now();
                let until = self.until(wanted, now);
                self.asked = now;
                return Ok(Need::Frame(until));
            }
            self.go_on();
        }
        Ok(Need::Nothing)
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        let expected = Arc::clone(&self.expected);
        let dissection = Dissection::new(received.frame());
        let enough = self.is_enough();
        let (mut at, mut count) = (self.at, self.count);
        while let Some(wanted) = expected.get(at) {
            if count < wanted.most
                && let Some(pattern) = wanted.matching(&dissection)
            {
                self.check_window(wanted, &received, (at, count))?;
                (self.at, self.count) = (at, count + 1);
                self.reference = received.at();
                self.exchange.matched(&received, wanted, pattern, self.line);
                self.taken.push(received);
                return Ok(());
            }
            if count < wanted.least {
                break;
            }
            (at, count) = (at + 1, 0);
        }
        if enough {
            // It belongs to whoever asks next.
            self.exchange.put_back(vec![received]);
            self.stop();
            return Ok(());
        }
        let next = expected.get(at).or(expected.last());
        let number = received.number();
        let (by, line) = (next.map(Expectation::title).unwrap_or_default().into(), self.line);
        if self.others == Others::Skip {
            self.exchange.timeline.mark(number, Fate::Skipped { by, line });
            self.passed.push(received);
            return Ok(());
        }
        self.exchange.timeline.mark(number, Fate::Unexpected { by, line });
        let mut problem = Problem::new(self.at_step(at, count), Some(line)).wanted(next);
        (problem.telling, problem.excuse) = (Telling::Next, Excuse::Overtaken);
        let is_other = |(place, wanted): &(usize, &Expectation)| *place != at && wanted.matching(&dissection).is_some();
        if let Some((place, wanted)) = expected.iter().enumerate().filter(is_other).min_by_key(|(place, _)| *place < at)
        {
            let name = wanted.called().map_or_else(String::new, |name| format!(", {name}"));
            problem.notes.push(format!("#{number} is what step {} wants{name}", place + 1));
        }
        self.passed.push(received);
        Err(self.failure(problem))
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        let expected = Arc::clone(&self.expected);
        let Some(wanted) = expected.get(self.at) else { return Ok(()) };
        if is_timeout(&error) && self.is_enough() {
            self.stop();
            return Ok(());
        }
        if is_timeout(&error) && self.count >= wanted.least {
            self.go_on();
            return Ok(());
        }
        Err(self.nothing_came(wanted, self.exchange.since(self.asked), &error))
    }

    fn end(&mut self) -> Result<T, Failure> {
        (self.give)(&mut self.taken).ok_or_else(|| {
            let headline = format!(
                "{}: no frame met it, and it gives one: put what is optional into an expect_sequence",
                self.verb
            );
            Failure::new(self.exchange, Problem::new(headline, Some(self.line)).wanted(&*self.expected))
        })
    }

    fn abandon(&mut self) -> Vec<Received> {
        self.taken.drain(..).chain(self.passed.drain(..)).collect()
    }
}

impl<'a, T> Run<'a, T> {
    fn new(
        exchange: &'a Exchange,
        verb: &'static str,
        expected: Arc<[Expectation]>,
        others: Others,
        line: Line,
        give: fn(&mut Vec<Received>) -> Option<T>,
    ) -> Self {
        let begin = exchange.now();
        let reference = exchange.reference();
        let (taken, passed) = (Vec::new(), Vec::new());
        Self {
            exchange,
            verb,
            expected,
            others,
            line,
            give,
            at: 0,
            count: 0,
            begin,
            asked: begin,
            reference,
            taken,
            passed,
        }
    }

    /// The expectation behind this one is next.
    const fn go_on(&mut self) {
        (self.at, self.count) = (self.at + 1, 0);
    }

    /// No more frames are wanted.
    fn stop(&mut self) {
        (self.at, self.count) = (self.expected.len(), 0);
    }

    /// Whether nothing more is needed.
    fn is_enough(&self) -> bool {
        let rest = self.expected.iter().skip(self.at + 1).all(|wanted| wanted.least == 0);
        rest && self.expected.get(self.at).is_none_or(|wanted| self.count >= wanted.least)
    }

    /// How long to wait: as the expectation says; for what must come long, for what may come not at all.
    fn until(&self, wanted: &Expectation, now: Instant) -> Until {
        match wanted.within {
            Some(within) => Until::after(self.reference, within),
            None if self.is_enough() => Until::Now,
            None => Until::after(now, patience()),
        }
    }

    /// Whether a frame came in the expectation's time.
    fn check_window(
        &mut self,
        wanted: &Expectation,
        received: &Received,
        (at, count): (usize, usize),
    ) -> Result<(), Failure> {
        let Some(missed) = MissedWindow::of(wanted, received.at(), self.reference) else { return Ok(()) };
        let (number, by) = (received.number(), wanted.title().into());
        let headline = format!("{}: {}", self.at_step(at, count), missed.told(self.exchange, number));
        let mut problem = Problem::new(headline, Some(self.line)).wanted([wanted]);
        problem.excuse = missed.excuse(self.exchange);
        self.exchange.timeline.mark(number, Fate::Unexpected { by, line: self.line });
        self.passed.clear();
        self.passed.push(received.clone());
        Err(self.failure(problem))
    }

    fn nothing_came(&mut self, wanted: &Expectation, waited: Duration, error: &io::Error) -> Failure {
        let step = self.at_step(self.at, self.count);
        let within = wanted.within.map_or_else(String::new, |within| format!(" within {within:?}"));
        let mut problem = match (is_timeout(error), self.passed.is_empty()) {
            (false, _) => Problem::new(format!("{step}: the device failed: {}", Told(error)), Some(self.line)),
            (true, true) => Problem::new(format!("{step}: no frame came{within}"), Some(self.line)),
            (true, false) => Problem { telling: Telling::Nearest, ..Problem::new(step, Some(self.line)) },
        };
        if is_timeout(error) {
            problem.excuse = Excuse::Missing { within: wanted.within };
        }
        problem.waited = Some(waited);
        self.failure(problem.wanted([wanted]))
    }

    /// The verb and how far it came: `expect "RST"`, `expect_sequence, step 2 of 3, "data", after 1 of 2`.
    fn at_step(&self, at: usize, count: usize) -> String {
        let mut text = self.verb.to_owned();
        let Some(wanted) = self.expected.get(at).or(self.expected.last()) else { return text };
        if self.expected.len() > 1 {
            text.push_str(&format!(", step {} of {}", at + 1, self.expected.len()));
        }
        if let Some(name) = wanted.called() {
            text.push_str(if self.expected.len() > 1 { ", " } else { " " });
            text.push_str(&cut(&name, LONGEST_NAME));
        }
        if count > 0 {
            text.push_str(&format!(", after {count} of {}", wanted.count()));
        }
        text
    }

    fn failure(&mut self, problem: Problem<'_>) -> Failure {
        let waited = problem.waited.or_else(|| Some(self.exchange.since(self.begin)));
        let looked_at = self.passed.drain(..).map(Looked::from).collect();
        Failure::new(self.exchange, Problem { waited, ..problem }.looked_at(looked_at))
    }
}
