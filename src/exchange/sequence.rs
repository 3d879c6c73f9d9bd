//! `expect`, `expect_sequence`, `expect_eventually`: frames in order, strictly or with others in between.

use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::failure::{Looked, Problem};
use super::{Exchange, Expectation, Expectations, Failure, Fate, IntoExpectation, Line};
use crate::device::dispatch::Received;
use crate::device::{Deadline, Frame, patience};
use crate::packet::Dissection;

/// What is done with a frame that is not wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    Fail,
    Skip,
}

/// How one look for a frame ended.
enum Step {
    Took,
    /// Nothing more is needed.
    Done,
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
        let line = Location::caller();
        let expected = [expected.into_expectation()];
        let frames = self.run("expect", &expected, Others::Fail, line)?;
        self.last_of(frames, &expected, line)
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
        let line = Location::caller();
        let expected = [expected.into_expectation()];
        let frames = self.run("expect_eventually", &expected, Others::Skip, line)?;
        self.last_of(frames, &expected, line)
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
        self.run("expect_sequence", &expected.into_list(), Others::Fail, Location::caller())
    }

    fn last_of(&self, mut frames: Vec<Frame>, expected: &[Expectation], line: Line) -> Result<Frame, Failure> {
        frames.pop().ok_or_else(|| {
            let headline = "the expectation was met by no frame at all: put what is optional into an expect_sequence";
            Failure::new(self, Problem::new(headline.to_owned(), line).wanted(expected))
        })
    }

    fn run(&self, verb: &str, expected: &[Expectation], others: Others, line: Line) -> Result<Vec<Frame>, Failure> {
        self.check_monitors(Some(line))?;
        let mut run = Run {
            exchange: self,
            verb,
            expected,
            others,
            line,
            at: 0,
            count: 0,
            begin: Instant::now(),
            reference: self.reference(),
            taken: Vec::new(),
            passed: Vec::new(),
        };
        while let Step::Took = run.step()? {}
        self.check_monitors(Some(line))?;
        Ok(run.taken)
    }
}

/// A run through a list of expectations.
struct Run<'a> {
    exchange: &'a Exchange,
    verb: &'a str,
    expected: &'a [Expectation],
    others: Others,
    line: Line,
    /// The expectation that is next, and how often it was met.
    at: usize,
    count: usize,
    begin: Instant,
    reference: Instant,
    taken: Vec<Frame>,
    passed: Vec<Looked>,
}

impl Run<'_> {
    fn step(&mut self) -> Result<Step, Failure> {
        let Some(wanted) = self.expected.get(self.at) else { return Ok(Step::Done) };
        if self.count >= wanted.most {
            (self.at, self.count) = (self.at + 1, 0);
            return Ok(Step::Took);
        }
        let begin = Instant::now();
        match self.exchange.take(self.deadline(wanted)) {
            Ok(received) => self.judge(received),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Step::Took),
            Err(error) if is_timeout(&error) && self.is_enough() => Ok(Step::Done),
            Err(error) if is_timeout(&error) && self.count >= wanted.least => {
                (self.at, self.count) = (self.at + 1, 0);
                Ok(Step::Took)
            }
            Err(error) => Err(self.nothing_came(wanted, begin.elapsed(), error)),
        }
    }

    /// Whether nothing more is needed.
    fn is_enough(&self) -> bool {
        let rest = self.expected.iter().skip(self.at + 1).all(|wanted| wanted.least == 0);
        rest && self.expected.get(self.at).is_none_or(|wanted| self.count >= wanted.least)
    }

    /// How long to wait: as the expectation says; for what must come long, for what may come not at all.
    fn deadline(&self, wanted: &Expectation) -> Deadline {
        match wanted.within {
            Some(within) => Deadline::After((self.reference + within).saturating_duration_since(Instant::now())),
            None if self.is_enough() => Deadline::Now,
            None => Deadline::After(patience()),
        }
    }

    fn judge(&mut self, received: Received) -> Result<Step, Failure> {
        let dissection = Dissection::new(received.frame());
        let enough = self.is_enough();
        let (mut at, mut count) = (self.at, self.count);
        while let Some(wanted) = self.expected.get(at) {
            if count < wanted.most
                && let Some(pattern) = wanted.matching(&dissection)
            {
                self.check_window(wanted, &received)?;
                (self.at, self.count) = (at, count + 1);
                self.reference = received.at();
                self.taken.push(self.exchange.matched(received, wanted, pattern, self.line));
                return Ok(Step::Took);
            }
            if count < wanted.least {
                break;
            }
            (at, count) = (at + 1, 0);
        }
        if enough {
            // It belongs to whoever asks next.
            self.exchange.put_back(vec![received]);
            return Ok(Step::Done);
        }
        let title = self.expected.get(at).or(self.expected.last()).map(Expectation::title).unwrap_or_default();
        let number = received.number();
        let (by, line) = (title.as_str().into(), self.line);
        if self.others == Others::Skip {
            self.exchange.timeline.mark(number, Fate::Skipped { by, line });
            self.passed.push(Looked { number, frame: received.into_frame() });
            return Ok(Step::Took);
        }
        self.exchange.timeline.mark(number, Fate::Unexpected { by, line });
        self.passed.push(Looked { number, frame: received.into_frame() });
        let headline = format!("{} {title}: the next frame, #{number}, does not match", self.verb);
        Err(self.failure(Problem::new(headline, self.line).wanted(self.expected.get(at))))
    }

    /// Whether a frame came in the expectation's time.
    fn check_window(&mut self, wanted: &Expectation, received: &Received) -> Result<(), Failure> {
        let after = received.at().saturating_duration_since(self.reference);
        let wrong = match (wanted.not_before, wanted.within) {
            (Some(early), _) if after < early => {
                format!("too early: {after:.3?} after the last event, not before {early:?}")
            }
            (_, Some(late)) if after > late => format!("too late: {after:.3?} after the last event, within {late:?}"),
            _ => return Ok(()),
        };
        let number = received.number();
        let by = wanted.title().into();
        self.exchange.timeline.mark(number, Fate::Unexpected { by, line: self.line });
        let headline = format!("{} {}: #{number} came {wrong}", self.verb, wanted.title());
        let mut problem = Problem::new(headline, self.line);
        problem.may_be_loss = true;
        Err(self.failure(problem))
    }

    fn nothing_came(&mut self, wanted: &Expectation, waited: Duration, error: io::Error) -> Failure {
        let title = wanted.title();
        let met = if self.count > 0 { format!(" after {} of {}", self.count, wanted.least) } else { String::new() };
        let headline = match (is_timeout(&error), self.passed.len()) {
            (false, _) => format!("{} {title}: the device failed: {error}", self.verb),
            (true, 0) => format!("{} {title}: no frame came{met}", self.verb),
            (true, passed) => format!("{} {title}: none of {passed} frames matches{met}", self.verb),
        };
        let mut problem = Problem::new(headline, self.line).wanted([wanted]);
        (problem.waited, problem.may_be_loss) = (Some(waited), true);
        self.failure(problem)
    }

    fn failure(&mut self, problem: Problem<'_>) -> Failure {
        let waited = problem.waited.or_else(|| Some(self.begin.elapsed()));
        let problem = Problem { waited, ..problem }.looked_at(std::mem::take(&mut self.passed));
        Failure::new(self.exchange, problem)
    }
}

pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
