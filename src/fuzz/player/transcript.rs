//! What happened while a script was played.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::device::{FrameRef, Mode};

/// What happened while a script was played, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    pub(super) mode: Mode,
    pub(super) happened: Vec<Happened>,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Happened {
    /// The step at which it happened, counted from 1; 0 before the first, one more than there are steps after the last.
    pub step: usize,
    /// When, on the link's clock since the script began.
    pub at: Duration,
    /// What.
    pub event: Event,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The script put a frame in.
    Put(Vec<u8>),
    /// The script's frame was refused.
    Refused(Vec<u8>, Refusal),
    /// The code under test sent a frame.
    Sent(Vec<u8>),
    /// A call of a socket ended: with the octets that it read (none for other calls), or an error.
    Socket(Result<Vec<u8>, Refusal>),
    /// The link refused what a step asked of it: an MTU that it cannot have, say.
    Link(Refusal),
}

/// An error as it can be compared: its kind and its errno.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The kind.
    pub kind: io::ErrorKind,
    /// The errno, where it has one.
    pub errno: Option<i32>,
}

impl Refusal {
    pub(in crate::fuzz) fn of(error: &io::Error) -> Self {
        let inner = |error: &io::Error| -> Option<i32> {
            let source = error.get_ref()?.source()?.downcast_ref::<io::Error>()?;
            source.raw_os_error()
        };
        Self { kind: error.kind(), errno: error.raw_os_error().or_else(|| inner(error)) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno {
            Some(errno) => write!(f, "{}", io::Error::from_raw_os_error(errno)),
            None => write!(f, "{}", self.kind),
        }
    }
}

impl Transcript {
    /// The mode that the frames are of.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// All that happened.
    #[must_use]
    pub fn happened(&self) -> &[Happened] {
        &self.happened
    }

    /// The frames that the code under test sent.
    pub fn sent(&self) -> impl DoubleEndedIterator<Item = FrameRef<'_>> {
        self.happened.iter().filter_map(|happened| match &happened.event {
            Event::Sent(octets) => Some(FrameRef::new(self.mode, octets)),
            _ => None,
        })
    }

    pub(in crate::fuzz) fn describe(&self, happened: &Happened) -> String {
        let frame = |octets| FrameRef::new(self.mode, octets).summary();
        match &happened.event {
            Event::Put(octets) => format!("> {}", frame(octets)),
            Event::Refused(octets, refusal) => format!("x {} ({refusal})", frame(octets)),
            Event::Sent(octets) => format!("< {}", frame(octets)),
            Event::Socket(Ok(octets)) if octets.is_empty() => "  socket: done".to_owned(),
            Event::Socket(Ok(octets)) => format!("  socket: read {} octets", octets.len()),
            Event::Socket(Err(refusal)) => format!("  socket: {refusal}"),
            Event::Link(refusal) => format!("  link: {refusal}"),
        }
    }
}

impl fmt::Display for Transcript {
    /// A line each: the step, the time, and what: `>` what the script put in, `<` what the code under test sent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, happened) in self.happened.iter().enumerate() {
            let between = if index == 0 { "" } else { "\n" };
            let at = happened.at.as_secs_f64();
            write!(f, "{between}step {:>3}  {at:>12.6} s  {}", happened.step, self.describe(happened))?;
        }
        Ok(())
    }
}
