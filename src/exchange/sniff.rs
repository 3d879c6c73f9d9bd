//! `sniff`: all frames that match, for a time or up to a number, as Scapy's function of that name does.

use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::failure::{Looked, Problem, Telling};
use super::verb::{Need, Until, Verb, is_timeout};
use super::{Exchange, Expectation, Failure, Fate, IntoExpectation, Line};
use crate::device::dispatch::Received;
use crate::device::{Frame, patience};
use crate::packet::Dissection;

/// When to stop sniffing: after so many frames, after a time, or at whichever comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniff {
    count: Option<usize>,
    time: Option<Duration>,
}

impl Sniff {
    /// Until so many frames matched; it is a failure when they do not come in 10 s (times
    /// `TUNTAP_TEST_TIMEOUT_SCALE`).
    #[must_use]
    pub const fn count(count: usize) -> Self {
        Self { count: Some(count), time: None }
    }

    /// For so long.
    #[must_use]
    pub const fn time(time: Duration) -> Self {
        Self { count: None, time: Some(time) }
    }

    /// The same, but no longer than this; then fewer frames are no failure.
    #[must_use]
    pub const fn at_most(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }
}

impl From<usize> for Sniff {
    fn from(count: usize) -> Self {
        Self::count(count)
    }
}

impl From<Duration> for Sniff {
    fn from(time: Duration) -> Self {
        Self::time(time)
    }
}

impl Exchange {
    /// All frames that match, until a number of them has come (`tun.sniff(Udp::new(), 3)`) or a time is over
    /// (`tun.sniff(Packet::any(), Duration::from_secs(1))`). Others are passed over, and the report lists them.
    ///
    /// # Panics
    /// When a number was asked for without a time and does not come, or the device fails; when the filter has a time window
    /// or a count of its own.
    #[track_caller]
    pub fn sniff(&self, filter: impl IntoExpectation, until: impl Into<Sniff>) -> Vec<Frame> {
        match self.try_sniff(filter, until) {
            Ok(found) => found,
            Err(failure) => failure.panic(),
        }
    }

    /// As [`sniff`](Self::sniff).
    ///
    /// # Errors
    /// When a number was asked for without a time and does not come, or the device fails.
    ///
    /// # Panics
    /// When the filter has a time window or a count of its own.
    #[track_caller]
    pub fn try_sniff(&self, filter: impl IntoExpectation, until: impl Into<Sniff>) -> Result<Vec<Frame>, Failure> {
        let filter = filter.into_expectation();
        filter.assert_plain("sniff");
        self.drive(Sniffing::new(self, filter, until.into(), Skipped::Forgotten, Location::caller()))
    }
}

/// What is done with the frames that do not match.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Skipped {
    /// They are gone: a long sniff holds what it wants and no more.
    Forgotten,
    /// They are kept until the end, because the verb may be dropped before.
    Held,
}

/// A sniff, and what it has.
pub(super) struct Sniffing<'a> {
    exchange: &'a Exchange,
    filter: Expectation,
    until: Sniff,
    skipped: Skipped,
    line: Line,
    begin: Instant,
    over: bool,
    frames: Vec<Received>,
    others: Vec<Received>,
}

impl<'a> Sniffing<'a> {
    pub(super) fn new(exchange: &'a Exchange, filter: Expectation, until: Sniff, skipped: Skipped, line: Line) -> Self {
        let (begin, over, frames, others) = (exchange.now(), false, Vec::new(), Vec::new());
        Self { exchange, filter, until, skipped, line, begin, over, frames, others }
    }
}

impl Sniffing<'_> {
    /// The frames that it passed over, of those that the timeline still has.
    fn passed_over(&self) -> Vec<Looked> {
        let (entries, _) = self.exchange.timeline.entries();
        let is_own = |fate: &Fate| matches!(fate, Fate::Skipped { by, line } if **by == *"sniff" && *line == self.line);
        let own = entries.iter().filter(|entry| entry.at >= self.begin && is_own(&entry.fate));
        own.map(|entry| Looked {
            number: entry.number,
            frame: Frame::new(self.exchange.mode(), entry.octets.to_vec(), entry.at),
        })
        .collect()
    }
}

impl Verb for Sniffing<'_> {
    type Output = Vec<Frame>;

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if self.over || self.until.count.is_some_and(|count| self.frames.len() >= count) {
            return Ok(Need::Nothing);
        }
        Ok(Need::Frame(Until::after(self.begin, self.until.time.unwrap_or_else(patience))))
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        match self.filter.matching(&Dissection::new(received.frame())) {
            Some(pattern) => {
                self.exchange.matched(&received, &self.filter, pattern, self.line);
                self.frames.push(received);
            }
            None => {
                let fate = Fate::Skipped { by: "sniff".into(), line: self.line };
                self.exchange.timeline.mark(received.number(), fate);
                if self.skipped == Skipped::Held {
                    self.others.push(received);
                }
            }
        }
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        if is_timeout(&error) && self.until.time.is_some() {
            self.over = true;
            return Ok(());
        }
        let name = self.filter.called().map_or_else(String::new, |name| format!(" {name}"));
        let come = match self.until.count {
            Some(wanted) => format!(", after {} of {wanted}", self.frames.len()),
            None => String::new(),
        };
        let verb = format!("sniff{name}{come}");
        let problem = Problem::nothing_came(&verb, Some(self.line), self.exchange.since(self.begin), &error)
            .wanted([&self.filter]);
        let looked_at = self.passed_over();
        let telling = if looked_at.is_empty() { Telling::Nothing } else { Telling::Nearest };
        let problem = match is_timeout(&error) {
            true if telling == Telling::Nearest => Problem { headline: verb, telling, ..problem },
            _ => problem,
        };
        Err(Failure::new(self.exchange, problem.looked_at(looked_at)))
    }

    fn end(&mut self) -> Result<Vec<Frame>, Failure> {
        Ok(self.frames.drain(..).map(Received::into_frame).collect())
    }

    fn abandon(&mut self) -> Vec<Received> {
        self.frames.drain(..).chain(self.others.drain(..)).collect()
    }
}
