//! `expect_in_any_order`: each frame has to be one of those that are still wanted.

use std::io;
use std::panic::Location;
use std::time::Instant;

use super::failure::{Looked, Problem};
use super::sequence::is_timeout;
use super::{Exchange, Expectation, Expectations, Failure, Fate, Line};
use crate::device::dispatch::Received;
use crate::device::{Deadline, Frame, patience};
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
        let line = Location::caller();
        let expected = expected.into_list();
        self.check_monitors(Some(line))?;
        let frames = self.any_order(&expected, line)?;
        self.check_monitors(Some(line))?;
        Ok(frames)
    }

    fn any_order(&self, expected: &[Expectation], line: Line) -> Result<Vec<Frame>, Failure> {
        let (begin, reference) = (Instant::now(), self.reference());
        let mut assigned: Vec<Assigned> = Vec::new();
        loop {
            let load = |at: usize| assigned.iter().filter(|frame| frame.meets == at).count();
            let missing: Vec<usize> =
                expected.iter().enumerate().filter(|(at, wanted)| load(*at) < wanted.least).map(|(at, _)| at).collect();
            if missing.is_empty() {
                break;
            }
            let windows = missing.iter().filter_map(|at| expected.get(*at)?.within).min();
            let deadline = match windows {
                Some(within) => (reference + within).saturating_duration_since(Instant::now()),
                None => patience(),
            };
            match self.take(Deadline::After(deadline)) {
                Ok(received) => {
                    let since = received.at().saturating_duration_since(reference);
                    let dissection = Dissection::new(received.frame());
                    let in_time = |wanted: &Expectation| {
                        wanted.within.is_none_or(|late| since <= late)
                            && wanted.not_before.is_none_or(|early| since >= early)
                    };
                    let fits = expected.iter().enumerate();
                    let fits = fits.filter(|(_, wanted)| in_time(wanted) && wanted.matching(&dissection).is_some());
                    let fits: Vec<usize> = fits.map(|(at, _)| at).collect();
                    if !assign(&mut assigned, &fits, expected) {
                        let missing = missing.iter().filter_map(|at| expected.get(*at));
                        return Err(self.none_of_them(received, missing.collect(), line, begin));
                    }
                    let meets = free_place(&assigned, &fits, expected).unwrap_or_default();
                    assigned.push(Assigned { received, fits, meets });
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let wanted: Vec<&Expectation> = missing.iter().filter_map(|at| expected.get(*at)).collect();
                    let titles: Vec<_> = wanted.iter().map(|wanted| wanted.title()).collect();
                    let what = if is_timeout(&error) { "did not come".to_owned() } else { format!("failed: {error}") };
                    let headline = format!(
                        "expect_in_any_order: {} of {} {what}: {}",
                        wanted.len(),
                        expected.len(),
                        titles.join(", ")
                    );
                    let mut problem = Problem::new(headline, line).wanted(wanted);
                    (problem.waited, problem.may_be_loss) = (Some(begin.elapsed()), true);
                    self.put_back(assigned.into_iter().map(|frame| frame.received).collect());
                    return Err(Failure::new(self, problem));
                }
            }
        }
        assigned.sort_by_key(|frame| (frame.meets, frame.received.number()));
        let matched = assigned.into_iter().filter_map(|frame| {
            let wanted = expected.get(frame.meets)?;
            let pattern = wanted.matching(&Dissection::new(frame.received.frame()))?;
            Some(self.matched(frame.received, wanted, pattern, line))
        });
        Ok(matched.collect())
    }

    fn none_of_them(&self, received: Received, wanted: Vec<&Expectation>, line: Line, begin: Instant) -> Failure {
        let number = received.number();
        let by = "any order".into();
        self.timeline.mark(number, Fate::Unexpected { by, line });
        let titles: Vec<_> = wanted.iter().map(|wanted| wanted.title()).collect();
        let headline = format!("expect_in_any_order: #{number} is none of those still wanted: {}", titles.join(", "));
        let looked_at = vec![Looked { number, frame: received.into_frame() }];
        let mut problem = Problem::new(headline, line).wanted(wanted).looked_at(looked_at);
        problem.waited = Some(begin.elapsed());
        Failure::new(self, problem)
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
