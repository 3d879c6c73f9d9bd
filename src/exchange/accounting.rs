//! What became of each frame, and how many of each class there were.
//!
//! Layer: `exchange`; the [timeline](super::Timeline) counts with it.

use std::fmt;
use std::sync::Arc;

use super::timeline::Line;

/// What became of a frame. Every frame from the host ends in one of the classes behind `Waiting`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Sent by the test.
    Sent { line: Line },
    /// Sent by the test, and the device refused it.
    Refused { line: Line, error: String },
    /// A reply of an answering machine.
    Replied { by: Arc<str> },
    /// A reply of an answering machine that the device refused.
    ReplyRefused { by: Arc<str>, error: String },
    /// Received; nobody has asked for it yet. Left over when the test ends so.
    Waiting,
    /// What an expectation wanted, or what `receive` gave out.
    Matched { by: Arc<str>, line: Line },
    /// Read by the code under test through the device itself.
    Delivered,
    /// Taken by an answering machine.
    Answered { by: Arc<str> },
    /// Taken by an ignore rule.
    Ignored { by: Arc<str> },
    /// Passed over by a verb that waits for another.
    Skipped { by: Arc<str>, line: Line },
    /// Not what was expected.
    Unexpected { by: Arc<str>, line: Line },
    /// Seen after a hand-over: the host sent it.
    ToProgram,
    /// The code under test sent it, through the device itself or after a hand-over.
    FromProgram,
    /// The code under test wrote it to the device itself, which refused it.
    WriteRefused { error: String },
    /// Lost in the harness: the reader's queue was full.
    Dropped,
    /// Thrown away before a case.
    Drained,
}

/// The classes of what came from the host, as the accounting counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accounting {
    /// Frames that the reader took off the device, without fences.
    pub received: u64,
    /// Wanted by an expectation or given out by `receive`.
    pub matched: u64,
    /// Taken by an answering machine.
    pub answered: u64,
    /// Taken by an ignore rule.
    pub ignored: u64,
    /// Passed over by an `expect_eventually` or a `sniff`.
    pub skipped: u64,
    /// Not what was expected.
    pub unexpected: u64,
    /// Read by the code under test through the device itself.
    pub delivered: u64,
    /// Thrown away before a [`case`](crate::context::Link::case).
    pub drained: u64,
    /// Lost because the reader's queue was full.
    pub dropped: u64,
    /// Nobody asked for them.
    pub left_over: u64,
    /// Echo requests of the harness's own, by which it established that nothing else had come.
    pub fences: u64,
    /// Frames that the test sent.
    pub sent: u64,
    /// Replies of answering machines.
    pub replies: u64,
    /// Frames that the code under test wrote through the device itself.
    pub written: u64,
}

impl fmt::Display for Accounting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sent", self.sent)?;
        match self.replies {
            0 => {}
            1 => f.write_str(", 1 reply")?,
            replies => write!(f, ", {replies} replies")?,
        }
        if self.written > 0 {
            write!(f, ", {} written by the code under test", self.written)?;
        }
        write!(f, "; {} received", self.received)?;
        let mut between = ": ";
        for (count, class) in [
            (self.matched, "matched"),
            (self.answered, "answered"),
            (self.ignored, "ignored"),
            (self.skipped, "skipped"),
            (self.unexpected, "unexpected"),
            (self.delivered, "read by the code under test"),
            (self.drained, "thrown away"),
            (self.dropped, "LOST BY THE HARNESS"),
            (self.left_over, "left over"),
        ] {
            if count > 0 {
                write!(f, "{between}{count} {class}")?;
                between = ", ";
            }
        }
        match self.fences {
            0 => Ok(()),
            1 => f.write_str("; 1 fence"),
            fences => write!(f, "; {fences} fences"),
        }
    }
}

impl Accounting {
    /// The count that a fate belongs to; `None` for what waits and for what was sent.
    pub(super) const fn class(&mut self, fate: &Fate) -> Option<&mut u64> {
        Some(match fate {
            Fate::Matched { .. } => &mut self.matched,
            Fate::Answered { .. } => &mut self.answered,
            Fate::Ignored { .. } => &mut self.ignored,
            Fate::Skipped { .. } => &mut self.skipped,
            Fate::Unexpected { .. } => &mut self.unexpected,
            Fate::Delivered => &mut self.delivered,
            Fate::Drained => &mut self.drained,
            Fate::Dropped => &mut self.dropped,
            _ => return None,
        })
    }
}
