//! `expect_in_any_order`: each frame has to be one of those that are still wanted.

use std::io;
use std::panic::Location;
use std::sync::Arc;
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
    fits: Arc<[usize]>,
    meets: usize,
}

impl Exchange {
    /// The next frames must match these, each the right number of times, in any order and with nothing between. Gives
    /// the frames in the order of the expectations.
    ///
    /// A frame that could be several of them is counted so that all come out even. Of what may come more often than it
    /// must, those are taken that are there already.
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
    places: Places,
    /// All that must come has, and no more of what may.
    over: bool,
    matched: Vec<Frame>,
}

impl Verb for AnyOrder<'_> {
    type Output = Vec<Frame>;

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if self.missing().next().is_none() {
            let more = self.expected.iter().enumerate().any(|(at, wanted)| self.places.load(at) < wanted.most);
            if more && !self.over {
                return Ok(Need::Frame(Until::Now));
            }
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
        let fits: Arc<[usize]> = fits.map(|(at, _)| at).collect();
        match self.places.place(received, Arc::clone(&fits), &self.expected) {
            Ok(()) => Ok(()),
            Err(received) if self.missing().next().is_none() => {
                // It belongs to whoever asks next.
                self.exchange.put_back(vec![received]);
                self.over = true;
                Ok(())
            }
            Err(received) => Err(self.none_of_them(received, &fits)),
        }
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        let missing = self.missing().count();
        if is_timeout(&error) && missing == 0 {
            self.over = true;
            return Ok(());
        }
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
        self.places.assigned.drain(..).map(|frame| frame.received).collect()
    }
}

impl<'a> AnyOrder<'a> {
    pub(super) fn new(exchange: &'a Exchange, expected: Vec<Expectation>, line: Line) -> Self {
        let (begin, reference) = (exchange.now(), exchange.reference());
        Self { exchange, expected, line, begin, reference, places: Places::default(), over: false, matched: Vec::new() }
    }

    /// The expectations that are not met often enough.
    fn missing(&self) -> impl Iterator<Item = &Expectation> {
        let unmet = |(at, wanted): &(usize, &Expectation)| self.places.load(*at) < wanted.least;
        self.expected.iter().enumerate().filter(unmet).map(|(_, wanted)| wanted)
    }

    /// All came: each frame is what the expectation wants that it meets.
    fn give_out(&mut self) {
        self.places.assigned.sort_by_key(|frame| (frame.meets, frame.received.number()));
        for Assigned { received, meets, .. } in self.places.assigned.drain(..) {
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
        let met = self.places.assigned.iter().rfind(|frame| fits.contains(&frame.meets));
        if let Some((met, wanted)) = met.and_then(|met| Some((met, self.expected.get(met.meets)?))) {
            let count = self.places.assigned.iter().filter(|frame| frame.meets == met.meets).count();
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
        for Assigned { received, meets, .. } in &self.places.assigned {
            let by = self.expected.get(*meets).map(Expectation::title).unwrap_or_default().into();
            self.exchange.timeline.mark(received.number(), Fate::Matched { by, line: self.line });
        }
    }
}

/// Whose is which frame: places with frames at them, and a frame may move to any place that it fits.
#[derive(Default)]
struct Places {
    assigned: Vec<Assigned>,
    /// How many frames each place has.
    loads: Vec<usize>,
}

impl Places {
    fn load(&self, at: usize) -> usize {
        self.loads.get(at).copied().unwrap_or_default()
    }

    /// Gives the frame a place, moving others where that is needed: one that still has to be met, else one that may have
    /// more. Gives it back when there is none.
    fn place(&mut self, received: Received, fits: Arc<[usize]>, expected: &[Expectation]) -> Result<(), Received> {
        for capacity in [|wanted: &Expectation| wanted.least, |wanted: &Expectation| wanted.most] {
            let capacities: Vec<usize> = expected.iter().map(capacity).collect();
            if let Some(meets) = self.room(&fits, &capacities, &mut vec![false; expected.len()]) {
                self.loads.resize(expected.len(), 0);
                self.loads.iter_mut().skip(meets).take(1).for_each(|load| *load += 1);
                self.assigned.push(Assigned { received, fits, meets });
                return Ok(());
            }
        }
        Err(received)
    }

    /// A place among these that has room, or has it once others have moved (Kuhn's algorithm).
    fn room(&mut self, among: &[usize], capacities: &[usize], seen: &mut [bool]) -> Option<usize> {
        let is_free = |at: &usize| capacities.get(*at).is_some_and(|capacity| self.load(*at) < *capacity);
        if let Some(free) = among.iter().copied().find(is_free) {
            return Some(free);
        }
        for at in among.iter().copied() {
            if seen.get_mut(at).is_none_or(|seen| std::mem::replace(seen, true)) {
                continue;
            }
            let here: Vec<usize> = (0..self.assigned.len())
                .filter(|index| self.assigned.get(*index).is_some_and(|frame| frame.meets == at))
                .collect();
            for index in here {
                let Some(fits) = self.assigned.get(index).map(|frame| Arc::clone(&frame.fits)) else { continue };
                let Some(other) = self.room(&fits, capacities, seen) else { continue };
                if let Some(frame) = self.assigned.get_mut(index) {
                    frame.meets = other;
                }
                self.loads.iter_mut().skip(other).take(1).for_each(|load| *load += 1);
                self.loads.iter_mut().skip(at).take(1).for_each(|load| *load -= 1);
                return Some(at);
            }
        }
        None
    }
}
