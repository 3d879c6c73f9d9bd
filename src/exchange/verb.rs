//! Verbs as state machines, and the driver that blocks.
//!
//! Layer: `exchange`; only the verbs use it. A verb knows what it waits for, until when, and what each frame means. How
//! one waits is the driver's: [`Exchange::drive`] blocks the thread, `asynchronous` (feature `tokio`) awaits.
//!
//! ```text
//!            ┌────────── need ──────────┐
//!   driver ◄─┘                          │
//!     │ waits                           │
//!     ├── a frame ───────► judge ───────┤
//!     ├── none in time ──► nothing ─────┤
//!     ├── all was read ──► caught_up ───┤
//!     ├── its time ──────► due ─────────┤
//!     └── fence ─────────► fenced ──────┘
//!   nothing more: end            dropped on the way: abandon
//! ```

use std::io;
use std::time::{Duration, Instant};

use super::{Exchange, Failure, Fate, Line, lock};
use crate::device::dispatch::Received;
use crate::device::{Deadline, patience};
use crate::packet::Dissection;

/// How long a verb that does not wait lets the reader take what is there off the device: microseconds, but for a flood.
pub(super) const CATCH_UP: Duration = Duration::from_millis(100);

/// When a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// It does not begin.
    Now,
    At(Instant),
    Never,
}

impl Until {
    /// So long after `from`. A point that the clock cannot express never comes.
    pub(super) fn after(from: Instant, wait: Duration) -> Self {
        from.checked_add(wait).map_or(Self::Never, Self::At)
    }

    /// A deadline that begins now.
    pub(super) fn begin(deadline: Deadline, now: Instant) -> Self {
        match deadline {
            Deadline::Now => Self::Now,
            Deadline::After(wait) => Self::after(now, wait),
            Deadline::Never => Self::Never,
        }
    }

    /// What is left of it.
    fn left(self, now: Instant) -> Deadline {
        match self {
            Self::Now => Deadline::Now,
            Self::At(point) => Deadline::After(point.saturating_duration_since(now)),
            Self::Never => Deadline::Never,
        }
    }
}

/// What a verb waits for.
pub(super) enum Need {
    /// The next frame that no rule ignores.
    Frame(Until),
    /// The reader has read what the device holds now. The verb's name is for a message.
    Reader { verb: &'static str },
    /// That time; frames that come meanwhile wait.
    Time(Until),
    /// The answer of the fence with that nonce.
    Fence { nonce: u64, until: Until },
    /// Nothing more.
    Nothing,
}

/// A verb that waits for frames.
pub(super) trait Verb {
    type Output;

    /// Where it was called; `None` at the end of the test.
    fn line(&self) -> Option<Line>;

    /// What is needed next. Asked again after each answer, and after an interruption.
    fn need(&mut self) -> Result<Need, Failure>;

    /// A frame came.
    fn judge(&mut self, received: Received) -> Result<(), Failure>;

    /// No frame came in time, or the device failed.
    fn nothing(&mut self, error: io::Error) -> Result<(), Failure>;

    /// The reader has caught up.
    fn caught_up(&mut self) {}

    /// The time has come.
    fn due(&mut self) {}

    /// When the fence was answered, if it was.
    fn fenced(&mut self, answered: Option<Instant>) {
        let _ = answered;
    }

    /// What it gives, once nothing more is needed.
    fn end(&mut self) -> Result<Self::Output, Failure>;

    /// It is dropped on the way: the frames that it has taken and not given out.
    #[cfg_attr(not(feature = "tokio"), expect(dead_code, reason = "only a future is dropped on the way"))]
    fn abandon(&mut self) -> Vec<Received>;
}

impl Exchange {
    /// Runs a verb on this thread.
    pub(super) fn drive<V: Verb>(&self, mut verb: V) -> Result<V::Output, Failure> {
        let line = verb.line();
        self.check_monitors(line)?;
        loop {
            match verb.need()? {
                Need::Frame(until) => match self.take(until) {
                    Ok(received) => verb.judge(received)?,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => verb.nothing(error)?,
                },
                Need::Reader { verb: name } => match self.catch_up(name) {
                    Ok(()) => verb.caught_up(),
                    Err(error) => verb.nothing(error)?,
                },
                Need::Time(until) => match self.pause(until) {
                    Ok(()) => verb.due(),
                    Err(error) => verb.nothing(error)?,
                },
                Need::Fence { nonce, until } => verb.fenced(self.timeline.fences.wait(nonce, until.left(self.now()))),
                Need::Nothing => break,
            }
        }
        self.check_monitors(line)?;
        verb.end()
    }

    /// The next frame that no rule ignores.
    pub(super) fn take(&self, until: Until) -> io::Result<Received> {
        let (dispatcher, _) = self.end.reader(None)?;
        let begin = self.now();
        loop {
            let mut next = dispatcher.next(until.left(self.now()));
            if is_missed(&next, until) && dispatcher.catch_up("receive", CATCH_UP).is_ok() {
                next = dispatcher.next(until.left(self.now()));
            }
            if let Some(received) = self.sift(next, until, begin)? {
                return Ok(received);
            }
        }
    }

    /// Waits for a time, and notes how late it ended. Frames stay where they are.
    fn pause(&self, until: Until) -> io::Result<()> {
        let begin = self.now();
        self.end.reader(None)?.0.pause(until.left(self.now()))?;
        lock(&self.record.stalls).note(until, begin, self.now());
        Ok(())
    }

    fn catch_up(&self, verb: &str) -> io::Result<()> {
        self.end.reader(None)?.0.catch_up(verb, patience())
    }

    /// What a wait that began then gave: a frame unless a rule ignores it. Notes how late it ended.
    pub(super) fn sift(
        &self,
        next: io::Result<Received>,
        until: Until,
        begin: Instant,
    ) -> io::Result<Option<Received>> {
        lock(&self.record.stalls).note(until, begin, self.now());
        let received = next?;
        self.timeline.flush();
        match self.record.rules.ignoring(&Dissection::new(received.frame())) {
            Some(by) => {
                self.timeline.mark(received.number(), Fate::Ignored { by });
                Ok(None)
            }
            None => Ok(Some(received)),
        }
    }

    /// Puts frames back among those that wait.
    pub(super) fn put_back(&self, frames: Vec<Received>) {
        if let Ok((dispatcher, _)) = self.end.reader(None) {
            dispatcher.put_back(frames);
        }
    }
}

/// Whether a verb whose time is over, or that does not wait, found nothing queued: what the device holds is there, too,
/// though the reader has yet to take it off.
pub(super) fn is_missed(next: &io::Result<Received>, until: Until) -> bool {
    until != Until::Never && next.as_ref().is_err_and(is_timeout)
}

/// Whether nothing came, and the device is well.
pub(super) fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock)
}
