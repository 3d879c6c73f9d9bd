//! `expect_in_any_order`: each frame has to be one of those that are still wanted.

use std::io;
use std::panic::Location;
use std::time::Instant;

use super::failure::{Looked, Problem};
use super::verb::{Need, Until, Verb, is_timeout};
use super::{Exchange, Expectation, Expectations, Failure, Fate, Line};
use crate::device::dispatch::Received;
use crate::device::{Frame, patience};
use crate::packet::Dissection;

/// A frame, the expectations that it could meet, and the one that it meets now.
struct Assigned {
    received: Received,
    fits: Vec<usize>,
    meets: usize,
}

impl Exchange {
    /// The next frames must match these, each the right number of times, in any order and with nothing between. Gives
    /// the frames in the order of the expectations.
    ///
    /// A frame that could be several of them is counted so that all come out even.
    ///
    /// ```
    /// # use tuntap_test::context::{Backend, TestContext};
    /// # use tuntap_test::device::DeviceConfig;
    /// # use tuntap_test::Tun;
    /// use tuntap_test::packet::{Icmpv4, Icmpv6};
    /// # let mut context = TestContext::new(Backend::Mock, "any order")?;
    /// # let tun: Tun = context.argument(DeviceConfig::new())?;
    ///
    /// tun.send(Icmpv4::echo_request(7, 1));
    /// tun.send(Icmpv6::echo_request(7, 2));
    /// let replies = tun.expect_in_any_order((Icmpv6::echo_reply(7, 2), Icmpv4::echo_reply(7, 1)));
    /// assert_eq!(replies[0][0] >> 4, 6);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Panics
    /// At the first frame that is none of them, or when one does not come.
    #[track_caller]
    pub fn expect_in_any_order(&self, expected: impl Expectations) -> Vec<Frame> {
        match self.try_expect_in_any_order(expected) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`expect_in_any_order`](Self::expect_in_any_order).
    ///
    /// # Errors
    /// At the first frame that is none of them, or when one does not come.
    #[track_caller]
    pub fn try_expect_in_any_order(&self, expected: impl Expectations) -> Result<Vec<Frame>, Failure> {
        self.drive(AnyOrder::new(self, expected.into_list(), Location::caller()))
    }
}

/// A list of expectations, and the frames that meet them so far.
pub(super) struct AnyOrder<'a> {
    exchange: &'a Exchange,
    expected: Vec<Expectation>,
    line: Line,
    begin: Instant,
    reference: Instant,
    assigned: Vec<Assigned>,
    matched: Vec<Frame>,
}

impl Verb for AnyOrder<'_> {
    type Output = Vec<Frame>;

    fn line(&self) -> Line {
        self.line
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if self.missing().next().is_none() {
            self.give_out();
            return Ok(Need::Nothing);
        }
        Ok(Need::Frame(match self.missing().filter_map(|wanted| wanted.within).min() {
            Some(within) => Until::after(self.reference, within),
            None => Until::after(Instant::now(), patience()),
        }))
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        let since = received.at().saturating_duration_since(self.reference);
        let dissection = Dissection::new(received.frame());
        let in_time = |wanted: &Expectation| {
            wanted.within.is_none_or(|late| since <= late) && wanted.not_before.is_none_or(|early| since >= early)
        };
        let fits = self.expected.iter().enumerate();
        let fits = fits.filter(|(_, wanted)| in_time(wanted) && wanted.matching(&dissection).is_some());
        let fits: Vec<usize> = fits.map(|(at, _)| at).collect();
        if !assign(&mut self.assigned, &fits, &self.expected) {
            return Err(self.none_of_them(received));
        }
        let meets = free_place(&self.assigned, &fits, &self.expected).unwrap_or_default();
        self.assigned.push(Assigned { received, fits, meets });
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        let wanted: Vec<_> = self.missing().collect();
        let titles: Vec<_> = wanted.iter().map(|wanted| wanted.title()).collect();
        let what = if is_timeout(&error) { "did not come".to_owned() } else { format!("failed: {error}") };
        let headline =
            format!("expect_in_any_order: {} of {} {what}: {}", wanted.len(), self.expected.len(), titles.join(", "));
        let mut problem = Problem::new(headline, self.line).wanted(wanted);
        (problem.waited, problem.may_be_loss) = (Some(self.begin.elapsed()), true);
        self.exchange.put_back(self.assigned.iter().map(|frame| frame.received.clone()).collect());
        Err(Failure::new(self.exchange, problem))
    }

    fn end(&mut self) -> Result<Vec<Frame>, Failure> {
        Ok(std::mem::take(&mut self.matched))
    }

    fn abandon(&mut self) -> Vec<Received> {
        self.assigned.drain(..).map(|frame| frame.received).collect()
    }
}

impl<'a> AnyOrder<'a> {
    pub(super) fn new(exchange: &'a Exchange, expected: Vec<Expectation>, line: Line) -> Self {
        let (begin, reference) = (Instant::now(), exchange.reference());
        Self { exchange, expected, line, begin, reference, assigned: Vec::new(), matched: Vec::new() }
    }

    /// The expectations that are not met often enough.
    fn missing(&self) -> impl Iterator<Item = &Expectation> {
        let load = |at: usize| self.assigned.iter().filter(|frame| frame.meets == at).count();
        self.expected.iter().enumerate().filter(move |(at, wanted)| load(*at) < wanted.least).map(|(_, wanted)| wanted)
    }

    /// All came: each frame is what the expectation wants that it meets.
    fn give_out(&mut self) {
        self.assigned.sort_by_key(|frame| (frame.meets, frame.received.number()));
        for Assigned { received, meets, .. } in self.assigned.drain(..) {
            let Some(wanted) = self.expected.get(meets) else { continue };
            let Some(pattern) = wanted.matching(&Dissection::new(received.frame())) else { continue };
            self.exchange.matched(&received, wanted, pattern, self.line);
            self.matched.push(received.into_frame());
        }
    }

    fn none_of_them(&self, received: Received) -> Failure {
        let number = received.number();
        let (by, line) = ("any order".into(), self.line);
        self.exchange.timeline.mark(number, Fate::Unexpected { by, line });
        let wanted: Vec<_> = self.missing().collect();
        let titles: Vec<_> = wanted.iter().map(|wanted| wanted.title()).collect();
        let headline = format!("expect_in_any_order: #{number} is none of those still wanted: {}", titles.join(", "));
        let mut problem = Problem::new(headline, line).wanted(wanted).looked_at(vec![Looked::from(received)]);
        problem.waited = Some(self.begin.elapsed());
        Failure::new(self.exchange, problem)
    }
}

/// Makes room among those that `fits` names, moving frames that fit elsewhere, too (Kuhn's algorithm). Gives whether
/// there is room now.
fn assign(assigned: &mut [Assigned], fits: &[usize], expected: &[Expectation]) -> bool {
    fn make_room(assigned: &mut [Assigned], at: usize, expected: &[Expectation], seen: &mut Vec<usize>) -> bool {
        if seen.contains(&at) {
            return false;
        }
        seen.push(at);
        let most = expected.get(at).map_or(0, |wanted| wanted.most);
        let here: Vec<usize> =
            assigned.iter().enumerate().filter(|(_, frame)| frame.meets == at).map(|(index, _)| index).collect();
        if here.len() < most {
            return true;
        }
        for index in here {
            let elsewhere = assigned.get(index).map(|frame| frame.fits.clone()).unwrap_or_default();
            for other in elsewhere {
                if other != at && make_room(assigned, other, expected, seen) {
                    if let Some(frame) = assigned.get_mut(index) {
                        frame.meets = other;
                    }
                    return true;
                }
            }
        }
        false
    }
    fits.iter().any(|at| make_room(assigned, *at, expected, &mut Vec::new()))
}

/// The place with room among those that fit.
fn free_place(assigned: &[Assigned], fits: &[usize], expected: &[Expectation]) -> Option<usize> {
    let load = |at: usize| assigned.iter().filter(|frame| frame.meets == at).count();
    fits.iter().copied().find(|at| expected.get(*at).is_some_and(|wanted| load(*at) < wanted.most))
}
