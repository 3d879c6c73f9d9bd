//! What faults did: one event a fault, and the list of them.
//!
//! Layer: `fault`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::exact::ExactFault;

/// Why something was done, as the plan's builder calls it: `loss 0.3`.
pub(super) type Cause = Cow<'static, str>;

/// The most events that are kept: about 20 MB. What happens later is counted only.
pub(super) const MOST_EVENTS: usize = 100_000;

/// Something that a fault did.
///
/// Its text is one line: `dropped #3 to device: 192.0.2.1:9 > 192.0.2.2:53 UDP 5 octets (drop_nth 1)`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event {
    /// When, counted from the start of the link's clock.
    pub at: Duration,
    /// What, and to which frame or call: planned so, it happens again.
    pub what: ExactFault,
    /// Which of the plan's faults did it, as its method is called: `loss 0.3`, `drop_nth 1`. `planned` for one that was
    /// given as an exact fault.
    pub cause: Cause,
    /// The frame in one line, as it came. Empty for what is done to the device.
    pub summary: Arc<str>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.what, f)?;
        if !self.summary.is_empty() {
            write!(f, ": {}", self.summary)?;
        }
        write!(f, " ({})", self.cause)
    }
}

/// The events of one injector.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) events: Vec<Event>,
    pub(super) unrecorded: u64,
}

impl Log {
    pub(super) fn push(&mut self, event: Event) {
        if self.events.len() < MOST_EVENTS {
            self.events.push(event);
        } else {
            self.unrecorded += 1;
        }
    }
}
