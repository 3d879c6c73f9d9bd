//! What a verb that was not satisfied returns: the report, and whether the code under test is to blame.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

use super::far_end::Established;
use super::monitor::Violation;
use super::report;
use super::verb::is_timeout;
use super::verdict::Excuse;
use super::{Exchange, Expectation, Line, lock};
use crate::device::dispatch::Received;
use crate::device::{Frame, FrameRef};

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

/// What the headline says of the nearest frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// Nothing.
    Nothing,
    /// It was the next one, and does not match.
    Next,
    /// None of several matches.
    Nearest,
}

/// What is wrong, as the report is made of it.
pub(super) struct Problem<'a> {
    /// What happened, in one line.
    pub(super) headline: String,
    pub(super) telling: Telling,
    /// Where the verb was called; `None` at the end of the test.
    pub(super) line: Option<Line>,
    /// What was wanted and has not come, the nearest first.
    pub(super) wanted: Vec<&'a Expectation>,
    /// What has to be answered, where that is what was wanted.
    pub(super) request: Option<Frame>,
    /// The frames that could have been it.
    pub(super) looked_at: Vec<Looked>,
    /// How long the verb waited, and by which method it knows that nothing else came.
    pub(super) waited: Option<Duration>,
    pub(super) established: Option<Established>,
    /// Lines that say the cause outright, and more lines about it.
    pub(super) notes: Vec<String>,
    pub(super) details: Vec<String>,
    /// What of the harness's own could be the cause.
    pub(super) excuse: Excuse,
}

impl<'a> Problem<'a> {
    pub(super) const fn new(headline: String, line: Option<Line>) -> Self {
        Self {
            headline,
            telling: Telling::Nothing,
            line,
            wanted: Vec::new(),
            request: None,
            looked_at: Vec::new(),
            waited: None,
            established: None,
            notes: Vec::new(),
            details: Vec::new(),
            excuse: Excuse::None,
        }
    }

    /// No frame came, or the device failed.
    pub(super) fn nothing_came(verb: &str, line: Option<Line>, waited: Duration, error: &io::Error) -> Self {
        let (headline, excuse) = if is_timeout(error) {
            (format!("{verb}: no frame came"), Excuse::Missing { within: None })
        } else {
            (format!("{verb}: the device failed: {}", Told(error)), Excuse::None)
        };
        Self { waited: Some(waited), excuse, ..Self::new(headline, line) }
    }

    pub(super) fn violation(exchange: &Exchange, violation: &Violation, line: Option<Line>) -> Self {
        let Violation { monitor, number, text } = violation;
        let (entries, _) = exchange.timeline.entries();
        let frame = entries.iter().find(|entry| entry.number == *number);
        let frame = frame.map(|entry| FrameRef::new(exchange.timeline.mode(), &entry.octets).summary().to_string());
        let mut problem = Self::new(format!("monitor \"{monitor}\": frame #{number}: {text}"), line);
        problem.details.extend(frame.map(|frame| format!("got   #{number} {frame}")));
        problem.details.push(format!("if this is what the test wants, switch it off: disable(Monitor::{monitor:?})"));
        problem
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

/// A device's error with what it usually means.
pub(super) struct Told<'a>(pub(super) &'a io::Error);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, meaning(self.0))
    }
}

/// Linux, drivers/net/tun.c: `tun_get_user` gives EIO without IFF_UP, and every call EBADFD without a `tun_struct`.
#[cfg(target_os = "linux")]
fn meaning(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EIO) => ": is the interface down?",
        Some(libc::EBADFD) => ": was the interface removed?",
        _ => "",
    }
}

#[cfg(not(target_os = "linux"))]
const fn meaning(_: &io::Error) -> &'static str {
    ""
}
