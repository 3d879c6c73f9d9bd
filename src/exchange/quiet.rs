//! `never` and `expect_nothing_else`: that something does not come is established, not slept for.

use std::fmt;
use std::io;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::chart::short;
use super::failure::{Looked, Problem};
use super::far_end::{Established, Means, Reason};
use super::pairing::answers;
use super::report::{counted, time};
use super::verb::{Need, Until, Verb, is_timeout};
use super::{Exchange, Expectation, Failure, Fate, IntoExpectation, Line};
use crate::device::dispatch::Received;
use crate::device::{FrameRef, timeout_scale};
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
    ///
    /// # Panics
    /// When the pattern has a time window or a count: the time is [`during`](Never::during)'s.
    #[track_caller]
    pub fn never(&self, pattern: impl IntoExpectation) -> Never<'_> {
        let pattern = pattern.into_expectation();
        pattern.assert_plain("never");
        Never { exchange: self, pattern }
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
        self.drive(NothingElse::new(self, Some(Location::caller())))
    }
}

/// How far it is established that nothing else comes.
enum Stage {
    /// Nobody has asked yet what can be done.
    Asking,
    /// The reader reads what the device holds.
    CatchingUp,
    /// A fence was sent, at that time; the link is watched behind it where there is a reason.
    Fenced {
        nonce: u64,
        sent: Instant,
        and_quiet: Option<Reason>,
    },
    /// The link is watched until the quiet window is over or a frame comes.
    Watching {
        because: Reason,
        begin: Instant,
    },
    /// All has come that comes: what nobody has taken is collected.
    Collecting(Established),
    Done(Established),
}

/// `expect_nothing_else`, and what came all the same.
pub(super) struct NothingElse<'a> {
    exchange: &'a Exchange,
    line: Option<Line>,
    stage: Stage,
    unwanted: Vec<Received>,
}

impl Verb for NothingElse<'_> {
    type Output = Established;

    fn line(&self) -> Option<Line> {
        self.line
    }

    fn need(&mut self) -> Result<Need, Failure> {
        if let Stage::Asking = self.stage {
            self.ask().map_err(|error| self.failed(error))?;
        }
        Ok(match self.stage {
            Stage::Asking | Stage::Done(_) => Need::Nothing,
            Stage::CatchingUp => Need::Reader { verb: "expect nothing else" },
            Stage::Fenced { nonce, sent, .. } => {
                Need::Fence { nonce, until: Until::after(sent, FENCE_PATIENCE.mul_f64(timeout_scale())) }
            }
            Stage::Watching { begin, .. } => Need::Frame(Until::after(begin, quiet_window())),
            Stage::Collecting(_) => Need::Frame(Until::Now),
        })
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        self.unwanted.push(received);
        self.watched();
        Ok(())
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        match self.stage {
            Stage::Watching { .. } if is_timeout(&error) => self.watched(),
            Stage::Collecting(established) if is_timeout(&error) => self.stage = Stage::Done(established),
            _ => return Err(self.failed(error)),
        }
        Ok(())
    }

    fn caught_up(&mut self) {
        self.stage = Stage::Collecting(Established::AtOnce);
    }

    fn fenced(&mut self, answered: Option<Instant>) {
        let Stage::Fenced { sent, and_quiet, .. } = self.stage else { return };
        self.stage = match (answered, and_quiet) {
            (Some(at), None) => {
                Stage::Collecting(Established::Fence { answered_in: at.saturating_duration_since(sent) })
            }
            (Some(_), Some(because)) => Stage::Watching { because, begin: self.exchange.now() },
            (None, _) => Stage::Watching { because: Reason::NoAnswer, begin: self.exchange.now() },
        };
    }

    fn end(&mut self) -> Result<Established, Failure> {
        let Stage::Done(established) = self.stage else {
            return Err(self.failed(io::Error::other("it was not established that nothing else comes")));
        };
        let unwanted = std::mem::take(&mut self.unwanted);
        if unwanted.is_empty() { Ok(established) } else { Err(self.something_came(unwanted, established)) }
    }

    fn abandon(&mut self) -> Vec<Received> {
        if let Stage::Fenced { nonce, .. } = self.stage {
            self.exchange.timeline.fences.end(nonce);
        }
        std::mem::take(&mut self.unwanted)
    }
}

fn quiet_window() -> Duration {
    QUIET_WINDOW.mul_f64(timeout_scale())
}

impl<'a> NothingElse<'a> {
    /// Without a line at the end of the test.
    pub(super) const fn new(exchange: &'a Exchange, line: Option<Line>) -> Self {
        Self { exchange, line, stage: Stage::Asking, unwanted: Vec::new() }
    }

    /// Asks what can be done, and begins it. A fence is an echo of the harness's own.
    fn ask(&mut self) -> io::Result<()> {
        // The reader first, which has to see the answer of a fence.
        self.exchange.end.reader(None)?;
        self.stage = match self.exchange.far_end.means() {
            Means::AtOnce => Stage::CatchingUp,
            Means::Quiet(because) => Stage::Watching { because, begin: self.exchange.now() },
            Means::Fence { nonce, request, and_quiet } => {
                self.exchange.timeline.begin_fence(nonce);
                let sent = self.exchange.now();
                let request = FrameRef::new(self.exchange.mode(), &request);
                self.exchange.end.send(request).inspect_err(|_| self.exchange.timeline.fences.end(nonce))?;
                Stage::Fenced { nonce, sent, and_quiet }
            }
        };
        Ok(())
    }

    /// The quiet window is over, or a frame ended it.
    fn watched(&mut self) {
        if let Stage::Watching { because, .. } = self.stage {
            self.stage = Stage::Collecting(Established::QuietWindow { watched: quiet_window(), because });
        }
    }

    fn failed(&self, error: io::Error) -> Failure {
        let problem = Problem::nothing_came("expect_nothing_else", self.line, Duration::ZERO, &error);
        Failure::new(self.exchange, problem)
    }

    fn something_came(&self, unwanted: Vec<Received>, established: Established) -> Failure {
        let count = u64::try_from(unwanted.len()).unwrap_or(u64::MAX);
        let looked_at: Vec<_> = unwanted.into_iter().map(Looked::from).collect();
        if let Some(line) = self.line {
            for looked in &looked_at {
                let fate = Fate::Unexpected { by: "nothing else".into(), line };
                self.exchange.timeline.mark(looked.number, fate);
            }
        }
        let frames = counted(count, "frame");
        let mut problem = Problem::new(format!("expect_nothing_else: {frames} came that nobody wanted"), self.line);
        problem.details = looked_at.iter().take(MOST_TOLD).map(|looked| told(self.exchange, looked)).collect();
        if looked_at.len() > MOST_TOLD {
            problem.details.push(format!("… and {} more", looked_at.len() - MOST_TOLD));
        }
        problem.established = Some(established);
        Failure::new(self.exchange, problem.looked_at(looked_at))
    }
}

/// `got   #4 192.0.2.1 > …  (answers #3, sent at tcp.rs:40)`.
fn told(exchange: &Exchange, looked: &Looked) -> String {
    let frame = looked.frame.as_ref();
    let (entries, _) = exchange.timeline.entries();
    let request =
        entries.iter().rev().filter(|entry| entry.number < looked.number).find_map(|entry| match &entry.fate {
            Fate::Sent { line } if answers(frame, FrameRef::new(exchange.mode(), &entry.octets)) => {
                Some((entry.number, *line))
            }
            _ => None,
        });
    let request = request.map(|(number, line)| format!("  (answers #{number}, sent at {})", short(&line)));
    format!("got   #{} {}{}", looked.number, frame.summary(), request.unwrap_or_default())
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
        let Self { exchange, pattern } = self;
        exchange.drive(Watch::new(exchange, pattern, time, Location::caller()))
    }
}

/// `never`, and the frames that it saw and did not mind.
pub(super) struct Watch<'a> {
    exchange: &'a Exchange,
    pattern: Expectation,
    time: Duration,
    line: Line,
    begin: Instant,
    over: bool,
    others: Vec<Received>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(exchange: &'a Exchange, pattern: Expectation, time: Duration, line: Line) -> Self {
        Self { exchange, pattern, time, line, begin: exchange.now(), over: false, others: Vec::new() }
    }

    fn put_back(&mut self) {
        self.exchange.put_back(std::mem::take(&mut self.others));
    }
}

impl Verb for Watch<'_> {
    type Output = ();

    fn line(&self) -> Option<Line> {
        Some(self.line)
    }

    fn need(&mut self) -> Result<Need, Failure> {
        Ok(if self.over { Need::Nothing } else { Need::Frame(Until::after(self.begin, self.time)) })
    }

    fn judge(&mut self, received: Received) -> Result<(), Failure> {
        if self.pattern.matching(&Dissection::new(received.frame())).is_none() {
            self.others.push(received);
            return Ok(());
        }
        self.put_back();
        let (number, title, line) = (received.number(), self.pattern.title(), self.line);
        self.exchange.timeline.mark(number, Fate::Unexpected { by: format!("never {title}").into(), line });
        let when = match received.at().checked_duration_since(self.begin) {
            Some(after) if !after.is_zero() => format!("came after {}", time(after)),
            // In virtual time what waited came at the same instant.
            _ => "had come before".to_owned(),
        };
        let name = self.pattern.called().map_or_else(String::new, |name| format!(" {name}"));
        let headline = format!("never{name} during {:?}: #{number} {when}", self.time);
        let mut problem = Problem::new(headline, Some(line));
        problem.details = vec![format!("never {}", self.pattern), told(self.exchange, &Looked::from(received))];
        Err(Failure::new(self.exchange, problem))
    }

    fn nothing(&mut self, error: io::Error) -> Result<(), Failure> {
        self.put_back();
        self.over = true;
        if is_timeout(&error) {
            return Ok(());
        }
        let problem = Problem::nothing_came("never", Some(self.line), self.exchange.since(self.begin), &error);
        Err(Failure::new(self.exchange, problem))
    }

    fn end(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn abandon(&mut self) -> Vec<Received> {
        std::mem::take(&mut self.others)
    }
}

impl fmt::Debug for Never<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Never({})", self.pattern)
    }
}
