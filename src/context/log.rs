//! What was sent and received on one link, for the failure of its test. Bounded; the verbs write it, nothing else.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::device::FrameRef;

/// The frames kept at most.
const MOST_FRAMES: usize = 64;
/// The octets of each frame that are kept: enough for every header.
const MOST_OCTETS: usize = 64;

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the test, the device end, to the host.
    Sent,
    /// From the host to the test.
    Received,
}

#[derive(Clone)]
struct Entry {
    direction: Direction,
    after: Duration,
    length: usize,
    start: Vec<u8>,
}

#[derive(Default)]
struct State {
    entries: VecDeque<Entry>,
    forgotten: usize,
    /// What the last failing case left, which is proptest's minimal one.
    failed_case: Option<(VecDeque<Entry>, usize)>,
}

/// The exchange of one link.
pub(crate) struct Log {
    link: String,
    started: Instant,
    state: Mutex<State>,
}

/// What a [`case`](super::Link::case) may give: it says whether the case failed.
pub trait CaseOutcome {
    /// Whether the case failed.
    fn failed(&self) -> bool;
}

impl CaseOutcome for () {
    fn failed(&self) -> bool {
        false
    }
}

impl CaseOutcome for bool {
    /// A property that is false.
    fn failed(&self) -> bool {
        !self
    }
}

impl<T, E> CaseOutcome for Result<T, E> {
    fn failed(&self) -> bool {
        self.is_err()
    }
}

impl Log {
    /// `link` describes it in one line.
    pub(crate) fn new(link: String) -> Self {
        Self { link, started: Instant::now(), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn note(&self, direction: Direction, frame: FrameRef<'_>) {
        let start = frame.octets.get(..MOST_OCTETS).unwrap_or(frame.octets).to_vec();
        let entry = Entry { direction, after: self.started.elapsed(), length: frame.octets.len(), start };
        let mut state = self.state();
        if state.entries.len() == MOST_FRAMES {
            state.entries.pop_front();
            state.forgotten += 1;
        }
        state.entries.push_back(entry);
    }

    /// A new case begins: what was noted so far is none of its business.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        state.entries.clear();
        state.forgotten = 0;
    }

    /// The case failed: its exchange is the one to show, unless a later, smaller case fails too.
    pub(crate) fn case_failed(&self) {
        let mut state = self.state();
        state.failed_case = Some((state.entries.clone(), state.forgotten));
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        let (entries, forgotten) = match &state.failed_case {
            Some((entries, forgotten)) => (entries, *forgotten),
            None => (&state.entries, state.forgotten),
        };
        writeln!(f, "  {}", self.link)?;
        if entries.is_empty() {
            return writeln!(f, "    no frame was sent or received by the test");
        }
        if forgotten > 0 {
            writeln!(f, "    … {forgotten} earlier frames")?;
        }
        for entry in entries {
            let arrow = match entry.direction {
                Direction::Sent => "──▶ sent    ",
                Direction::Received => "◀── received",
            };
            write!(f, "    {:>+10.3} ms {arrow} {:>5} octets ", entry.after.as_secs_f64() * 1e3, entry.length)?;
            for (at, octet) in entry.start.iter().enumerate() {
                if at % 4 == 0 {
                    f.write_str(" ")?;
                }
                write!(f, "{octet:02x}")?;
            }
            f.write_str(if entry.length > entry.start.len() { " …\n" } else { "\n" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Mode;

    fn noted(log: &Log, octets: &[u8]) {
        log.note(Direction::Sent, FrameRef::new(Mode::Tun, octets));
    }

    #[test]
    fn the_last_failing_case_is_the_one_shown() {
        let log = Log::new("tun0".to_owned());
        noted(&log, &[0x45, 0xaa]);
        log.case_failed();
        log.restart();
        noted(&log, &[0x45, 0xbb]);
        log.case_failed();
        log.restart();
        noted(&log, &[0x45, 0xcc]);
        let shown = log.to_string();
        assert!(shown.contains("45bb") && !shown.contains("45aa") && !shown.contains("45cc"), "{shown}");
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let log = Log::new("tun0".to_owned());
        for _ in 0..MOST_FRAMES + 3 {
            noted(&log, &[0x45]);
        }
        assert!(log.to_string().contains("… 3 earlier frames"), "{log}");
    }
}
