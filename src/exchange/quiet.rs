//! `never` and `expect_nothing_else`: that something does not come is established, not slept for.

use std::fmt;
use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::failure::{Looked, Problem};
use super::far_end::{Established, Means, Reason};
use super::sequence::is_timeout;
use super::{Exchange, Expectation, Failure, Fate, IntoExpectation, Line};
use crate::device::dispatch::Received;
use crate::device::{Deadline, FrameRef, patience, timeout_scale};
use crate::packet::Dissection;

/// How long the link is watched where only watching tells.
const QUIET_WINDOW: Duration = Duration::from_millis(50);
/// How long a fence may take. The kernel answers in 10 µs; a machine under load may not run us for a while.
const FENCE_PATIENCE: Duration = Duration::from_secs(2);
/// The frames that a failure tells.
const MOST_TOLD: usize = 5;

impl Exchange {
    /// No frame like this may come while the time that follows lasts: `tun.never(Tcp::new().rst()).during(d)`. Others
    /// wait for later verbs. Frames that arrived before and that nobody has taken count, too.
    pub fn never(&self, pattern: impl IntoExpectation) -> Never<'_> {
        Never { exchange: self, pattern: pattern.into_expectation() }
    }

    /// Nothing else has come, and nothing that the test caused so far is still to come.
    ///
    /// How that is known depends on who is at the other end, and the report says which was used
    /// ([`Established`]): the mock's host answers before a write returns. The kernel alone is asked by a fence, an echo
    /// whose answer can only come after everything that it had to say at once; it does not cover its timers. Where
    /// sockets or programs may still speak, the link is watched for 50 ms (times `TUNTAP_TEST_TIMEOUT_SCALE`).
    ///
    /// # Panics
    /// When a frame came that nobody wanted, with the report.
    #[track_caller]
    pub fn expect_nothing_else(&self) {
        if let Err(failure) = self.try_expect_nothing_else() {
            failure.panic()
        }
    }

    /// As [`expect_nothing_else`](Self::expect_nothing_else); tells how it was established.
    ///
    /// # Errors
    /// When a frame came that nobody wanted.
    #[track_caller]
    pub fn try_expect_nothing_else(&self) -> Result<Established, Failure> {
        let line = Location::caller();
        self.check_monitors(Some(line))?;
        let (established, unwanted) = self.settle().map_err(|error| {
            let problem = Problem::nothing_came("expect_nothing_else", line, Duration::ZERO, error);
            Failure::new(self, problem)
        })?;
        self.check_monitors(Some(line))?;
        if unwanted.is_empty() { Ok(established) } else { Err(self.something_came(unwanted, established, line)) }
    }

    /// Establishes that all has come that comes, and gives what nobody has taken.
    fn settle(&self) -> io::Result<(Established, Vec<Received>)> {
        let (dispatcher, _) = self.end.reader(None)?;
        let mut unwanted = Vec::new();
        let established = match self.far_end.means() {
            Means::AtOnce => {
                dispatcher.catch_up("expect nothing else", patience())?;
                Established::AtOnce
            }
            Means::Quiet(reason) => self.watch(reason, &mut unwanted)?,
            Means::Fence { nonce, request, and_quiet } => match (self.fence(nonce, &request)?, and_quiet) {
                (Some(answered_in), None) => Established::Fence { answered_in },
                (Some(_), Some(reason)) => self.watch(reason, &mut unwanted)?,
                (None, _) => self.watch(Reason::NoAnswer, &mut unwanted)?,
            },
        };
        loop {
            match self.take(Deadline::Now) {
                Ok(received) => unwanted.push(received),
                Err(error) if is_timeout(&error) => return Ok((established, unwanted)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends an echo of the harness's own and waits for its answer: how long it took.
    fn fence(&self, nonce: u64, request: &[u8]) -> io::Result<Option<Duration>> {
        self.timeline.begin_fence(nonce);
        let begin = Instant::now();
        self.end.send(FrameRef::new(self.mode(), request))?;
        let answered = self.timeline.wait_for_fence(FENCE_PATIENCE.mul_f64(timeout_scale()));
        Ok(answered.map(|at| at.saturating_duration_since(begin)))
    }

    /// Watches the link until the quiet window is over or a frame comes.
    fn watch(&self, because: Reason, unwanted: &mut Vec<Received>) -> io::Result<Established> {
        let watched = QUIET_WINDOW.mul_f64(timeout_scale());
        match self.take(Deadline::After(watched)) {
            Ok(received) => unwanted.push(received),
            Err(error) if is_timeout(&error) || error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(Established::QuietWindow { watched, because })
    }

    fn something_came(&self, unwanted: Vec<Received>, established: Established, line: Line) -> Failure {
        let count = unwanted.len();
        let looked_at: Vec<_> = unwanted
            .into_iter()
            .map(|received| {
                let number = received.number();
                self.timeline.mark(number, Fate::Unexpected { by: "nothing else".into(), line });
                Looked { number, frame: received.into_frame() }
            })
            .collect();
        let frames = if count == 1 { "1 frame".to_owned() } else { format!("{count} frames") };
        let mut problem = Problem::new(format!("expect_nothing_else: {frames} came that nobody wanted"), line);
        problem.details = looked_at
            .iter()
            .take(MOST_TOLD)
            .map(|looked| format!("#{} {}", looked.number, looked.frame.as_ref().summary()))
            .collect();
        if count > MOST_TOLD {
            problem.details.push(format!("… and {} more", count - MOST_TOLD));
        }
        problem.established = Some(established);
        Failure::new(self, problem)
    }
}

/// A claim that no such frame comes: say for how long with [`during`](Self::during).
#[must_use = "nothing is watched until `during` says how long"]
pub struct Never<'a> {
    exchange: &'a Exchange,
    pattern: Expectation,
}

impl Never<'_> {
    /// Watches the link for that time.
    ///
    /// # Panics
    /// When such a frame comes, with the report.
    #[track_caller]
    pub fn during(self, time: Duration) {
        if let Err(failure) = self.try_during(time) {
            failure.panic()
        }
    }

    /// As [`during`](Self::during).
    ///
    /// # Errors
    /// When such a frame comes, or the device fails.
    #[track_caller]
    pub fn try_during(self, time: Duration) -> Result<(), Failure> {
        let line = Location::caller();
        let Self { exchange, pattern } = self;
        exchange.check_monitors(Some(line))?;
        let begin = Instant::now();
        let mut others = Vec::new();
        let outcome = loop {
            let left = time.saturating_sub(begin.elapsed());
            match exchange.take(Deadline::After(left)) {
                Ok(received) if pattern.matching(&Dissection::new(received.frame())).is_some() => {
                    break Ok(Some(received));
                }
                Ok(received) => others.push(received),
                Err(error) if is_timeout(&error) => break Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        exchange.put_back(others);
        match outcome {
            Ok(None) => exchange.check_monitors(Some(line)),
            Ok(Some(received)) => {
                let number = received.number();
                let title = pattern.title();
                exchange.timeline.mark(number, Fate::Unexpected { by: format!("never {title}").into(), line });
                let after = received.at().saturating_duration_since(begin);
                let mut problem =
                    Problem::new(format!("never {title} during {time:?}: #{number} came after {after:.3?}"), line);
                problem.details = vec![format!("#{number} {}", received.frame().summary())];
                Err(Failure::new(exchange, problem))
            }
            Err(error) => Err(Failure::new(exchange, Problem::nothing_came("never", line, begin.elapsed(), error))),
        }
    }
}

impl fmt::Debug for Never<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Never({})", self.pattern)
    }
}
