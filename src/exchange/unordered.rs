//! `expect_in_any_order`: each frame has to be one of those that are still wanted.

use std::io;
use std::panic::Location;
use std::time::Instant;

use super::failure::{Looked, Problem, Telling, Told};
use super::report::cut;
use super::verb::{Need, Until, Verb, is_timeout};
use super::verdict::Excuse;
use super::window::MissedWindow;
use super::{Exchange, Expectation, Expectations, Failure, Fate, Line};
use crate::device::dispatch::Received;
use crate::device::{Frame, patience};
use crate::packet::Dissection;

/// The longest name in a note, in characters.
const LONGEST_NAME: usize = 60;

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

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if self.missing().next().is_none() {
            self.give_out();
            return Ok(Need::Nothing);
        }
        Ok(Need::Frame(match self.missing().filter_map(|wanted| wanted.within).min() {
            Some(within) => Until::after(self.reference, within),
            None => Until::after(self.exchange.now(), patience()),
        }))
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        let dissection = Dissection::new(received.frame());
        let fits = self.expected.iter().enumerate().filter(|(_, wanted)| {
            wanted.matching(&dissection).is_some() && MissedWindow::of(wanted, received.at(), self.reference).is_none()
        });
        let fits: Vec<usize> = fits.map(|(at, _)| at).collect();
        if !assign(&mut self.assigned, &fits, &self.expected) {
            return Err(self.none_of_them(received, &fits));
        }
        let meets = free_place(&self.assigned, &fits, &self.expected).unwrap_or_default();
        self.assigned.push(Assigned { received, fits, meets });
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        let missing = self.missing().count();
        let headline = if is_timeout(&error) {
            format!("expect_in_any_order: {missing} of {} did not come", self.expected.len())
        } else {
            format!("{}: the device failed: {}", self.so_far(), Told(&error))
        };
        let mut problem = Problem::new(headline, Some(self.line)).wanted(self.missing());
        if is_timeout(&error) {
            problem.excuse = Excuse::Missing { within: self.missing().filter_map(|wanted| wanted.within).min() };
        }
        problem.waited = Some(self.exchange.since(self.begin));
        self.mark_assigned();
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
        let (begin, reference) = (exchange.now(), exchange.reference());
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

    fn none_of_them(&self, received: Received, fits: &[usize]) -> Failure {
        let (number, line) = (received.number(), self.line);
        self.exchange.timeline.mark(number, Fate::Unexpected { by: "any order".into(), line });
        let mut problem = Problem::new(self.so_far(), Some(line)).wanted(self.missing());
        (problem.telling, problem.excuse) = (Telling::Next, Excuse::Overtaken);
        let dissection = Dissection::new(received.frame());
        let missed = self.missing().filter(|wanted| wanted.matching(&dissection).is_some());
        let missed =
            missed.filter_map(|wanted| Some((wanted, MissedWindow::of(wanted, received.at(), self.reference)?)));
        if let Some((wanted, missed)) = missed.last() {
            problem.headline = format!("{}: {}", self.so_far(), missed.told(self.exchange, number));
            problem.wanted = vec![wanted];
            (problem.telling, problem.excuse) = (Telling::Nothing, missed.excuse(self.exchange));
        }
        // It is once more what came enough already.
        let met = self.assigned.iter().rfind(|frame| fits.contains(&frame.meets));
        if let Some((met, wanted)) = met.and_then(|met| Some((met, self.expected.get(met.meets)?))) {
            let count = self.assigned.iter().filter(|frame| frame.meets == met.meets).count();
            let (name, before) = (cut(&wanted.title(), LONGEST_NAME), met.received.number());
            problem.notes.push(match count {
                1 => format!("#{number} is {name} again: #{before} was that already"),
                count => format!("#{number} is {name} again: it came {count} times already, last as #{before}"),
            });
        }
        problem.waited = Some(self.exchange.since(self.begin));
        self.mark_assigned();
        Failure::new(self.exchange, problem.looked_at(vec![Looked::from(received)]))
    }

    /// The verb and how far it came.
    fn so_far(&self) -> String {
        let missing = self.missing().count();
        match self.expected.len() {
            1 => "expect_in_any_order".to_owned(),
            all if missing == all => format!("expect_in_any_order, none of {all} met"),
            all => format!("expect_in_any_order, {} of {all} met", all - missing),
        }
    }

    /// It failed: what the other frames met stands.
    fn mark_assigned(&self) {
        for Assigned { received, meets, .. } in &self.assigned {
            let by = self.expected.get(*meets).map(Expectation::title).unwrap_or_default().into();
            self.exchange.timeline.mark(received.number(), Fate::Matched { by, line: self.line });
        }
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
