//! What a verb that was not satisfied returns: the report, and whether the code under test is to blame.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::far_end::Established;
use super::monitor::Violation;
use super::report;
use super::{Exchange, Expectation, Line, lock};
use crate::device::Frame;
use crate::device::dispatch::Received;

/// An expectation was not met. Displays as the whole report.
///
/// `Debug` is the same text, so that a test which returns it prints something readable.
#[derive(Clone)]
pub struct Failure(Box<Inner>);

#[derive(Clone)]
struct Inner {
    report: String,
    inconclusive: bool,
}

impl Failure {
    #[cold]
    pub(super) fn new(exchange: &Exchange, problem: Problem<'_>) -> Self {
        for wanted in problem.wanted.iter().flat_map(|wanted| &wanted.patterns) {
            lock(&exchange.record.coverage).named(wanted);
        }
        let (report, inconclusive) = report::write(exchange, &problem);
        exchange.record.note_failure(&report);
        Self(Box::new(Inner { report, inconclusive }))
    }

    /// Whether the harness itself may be the cause: the device dropped frames, or this process did not run when it
    /// should have. It is a failure all the same.
    #[must_use]
    pub fn is_inconclusive(&self) -> bool {
        self.0.inconclusive
    }

    /// Fails the test at the caller's line.
    #[track_caller]
    pub(super) fn panic(&self) -> ! {
        panic!("{self}")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.report)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.report)
    }
}

impl Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        Self::other(failure)
    }
}

/// A frame that a verb looked at, with its number on the timeline.
pub(super) struct Looked {
    pub(super) number: u64,
    pub(super) frame: Frame,
}

impl From<Received> for Looked {
    fn from(received: Received) -> Self {
        Self { number: received.number(), frame: received.into_frame() }
    }
}

/// What is wrong, as the report is made of it.
pub(super) struct Problem<'a> {
    /// What happened, in one line.
    pub(super) headline: String,
    /// Where the verb was called; `None` at the end of the test.
    pub(super) line: Option<Line>,
    /// What was wanted and has not come, the nearest first.
    pub(super) wanted: Vec<&'a Expectation>,
    /// The frames that could have been it.
    pub(super) looked_at: Vec<Looked>,
    /// How long the verb waited, and by which method it knows that nothing else came.
    pub(super) waited: Option<Duration>,
    pub(super) established: Option<Established>,
    /// More lines about the cause.
    pub(super) details: Vec<String>,
    /// A frame that came too late or never may be the harness's fault.
    pub(super) may_be_loss: bool,
}

impl<'a> Problem<'a> {
    pub(super) fn new(headline: String, line: Line) -> Self {
        Self {
            headline,
            line: Some(line),
            wanted: Vec::new(),
            looked_at: Vec::new(),
            waited: None,
            established: None,
            details: Vec::new(),
            may_be_loss: false,
        }
    }

    /// No frame came, or the device failed.
    pub(super) fn nothing_came(verb: &str, line: Line, waited: Duration, error: io::Error) -> Self {
        let headline = match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => format!("{verb}: no frame came"),
            _ => format!("{verb}: the device failed: {error}"),
        };
        Self { waited: Some(waited), may_be_loss: true, ..Self::new(headline, line) }
    }

    pub(super) fn violation(violation: &Violation, line: Option<Line>) -> Self {
        let Violation { monitor, number, text } = violation;
        Self {
            line,
            details: vec![format!(
                "switch the monitor off with `disable(Monitor::{monitor:?})` if this is what the test wants"
            )],
            ..Self::new(format!("monitor \"{monitor}\": frame #{number}: {text}"), std::panic::Location::caller())
        }
    }

    pub(super) fn wanted(mut self, wanted: impl IntoIterator<Item = &'a Expectation>) -> Self {
        self.wanted = wanted.into_iter().collect();
        self
    }

    pub(super) fn looked_at(mut self, frames: Vec<Looked>) -> Self {
        self.looked_at = frames;
        self
    }
}
