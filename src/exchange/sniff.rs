//! `sniff`: all frames that match, for a time or up to a number, as Scapy's function of that name does.

use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::failure::Problem;
use super::sequence::is_timeout;
use super::{Exchange, Failure, Fate, IntoExpectation};
use crate::device::{Deadline, Frame, patience};
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
    /// When a number was asked for without a time and does not come, or the device fails.
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
    #[track_caller]
    pub fn try_sniff(&self, filter: impl IntoExpectation, until: impl Into<Sniff>) -> Result<Vec<Frame>, Failure> {
        let line = Location::caller();
        let (filter, until) = (filter.into_expectation(), until.into());
        let begin = Instant::now();
        let time = until.time.unwrap_or_else(patience);
        let mut frames = Vec::new();
        while until.count.is_none_or(|count| frames.len() < count) {
            match self.take(Deadline::After(time.saturating_sub(begin.elapsed()))) {
                Ok(received) => match filter.matching(&Dissection::new(received.frame())) {
                    Some(pattern) => frames.push(self.matched(received, &filter, pattern, line)),
                    None => self.timeline.mark(received.number(), Fate::Skipped { by: "sniff".into(), line }),
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_timeout(&error) && until.time.is_some() => break,
                Err(error) => {
                    let wanted = until.count.unwrap_or_default();
                    let verb = format!("sniff {} of {wanted}", frames.len());
                    let problem = Problem::nothing_came(&verb, line, begin.elapsed(), error).wanted([&filter]);
                    return Err(Failure::new(self, problem));
                }
            }
        }
        self.check_monitors(Some(line))?;
        Ok(frames)
    }
}
