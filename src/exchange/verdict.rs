//! Whether a failure may be the harness's own doing: then the verdict is "inconclusive", and the test fails all the same.
//!
//! Layer: `exchange`. Two things can go wrong with the harness. It may lose a frame: the device's queue was full, or the
//! reader's. And it may read a frame late: this process did not run. Neither explains a frame that is there and must not
//! be, nor a device that refuses; so each failure says what would excuse it.
//!
//! | failure | a lost frame explains it | a stall explains it |
//! | --- | --- | --- |
//! | no frame came | yes | where the wait was short |
//! | another frame came first | yes, the wanted one was lost | no |
//! | too late | yes, an earlier one was lost | yes, if it was long enough |
//! | too early, counted from a frame that came | yes, that one was lost and is its repetition | yes, if it was long enough |
//! | too early, counted from what the test sent | no | no |
//! | a frame that must not come, a monitor's find, a device that failed | no | no |
//!
//! A frame of a replay that left late is a stall that explains what a lost frame does.

use std::time::{Duration, Instant};

use super::verb::Until;
use super::{Exchange, lock};

/// A harness that was this late may itself be why a frame was.
const TELLING_STALL: Duration = Duration::from_millis(20);

/// What of the harness's own could explain a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Nothing.
    None,
    /// A frame is missing, which had that time.
    Missing { within: Option<Duration> },
    /// Another frame came first.
    Overtaken,
    /// It came so much too late.
    Late { by: Duration },
    /// It came so much too early after a frame that came.
    Early { by: Duration },
}

/// How much later than asked the waits for frames ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stalls {
    /// The longest since the last event of the exchange.
    since_event: Duration,
    /// The longest between that and the event before it.
    before_event: Duration,
    /// The frame of a replay that left latest, and by how much.
    replayed: Option<(u64, Duration)>,
}

impl Stalls {
    /// A wait that began then ended now.
    pub(super) fn note(&mut self, until: Until, begin: Instant, now: Instant) {
        if let Until::At(point) = until {
            // What the test itself did before it began to wait is none of the harness's.
            let late = now.saturating_duration_since(point.max(begin));
            self.since_event = late.max(self.since_event);
        }
    }

    /// Time windows count from now on.
    pub(super) fn event(&mut self) {
        (self.before_event, self.since_event) = (self.since_event, Duration::ZERO);
    }

    /// A replayed frame left so late behind the one before it, which it had to follow after that pause. It is told where
    /// the other end may have minded.
    pub(super) fn sent_late(&mut self, number: u64, late: Duration, pause: Duration) {
        if late >= TELLING_STALL.max(pause / 4) && self.replayed.is_none_or(|(_, latest)| late > latest) {
            self.replayed = Some((number, late));
        }
    }

    /// The frame of a replay that left so late that it may matter.
    pub(super) fn replayed(&self) -> Option<String> {
        let (number, late) = self.replayed?;
        Some(format!("#{number} was replayed {} late", super::report::time(late)))
    }
}

/// Why the code under test may not be to blame.
pub(super) fn suspicion(exchange: &Exchange, excuse: Excuse) -> Option<String> {
    if excuse == Excuse::None {
        return None;
    }
    if let Some(lost) = lost(exchange) {
        return Some(lost);
    }
    let stalls = *lock(&exchange.record.stalls);
    if let Some(late) = stalls.replayed() {
        return Some(format!("{late}: this process did not run"));
    }
    let (stall, is_telling) = match excuse {
        Excuse::None | Excuse::Overtaken | Excuse::Missing { within: None } => return None,
        Excuse::Missing { within: Some(within) } => {
            (stalls.since_event, stalls.since_event >= TELLING_STALL.max(within / 4))
        }
        Excuse::Late { by } => (stalls.since_event, stalls.since_event >= by),
        Excuse::Early { by } => (stalls.before_event, stalls.before_event >= by),
    };
    is_telling.then(|| format!("this process did not run for {}", super::report::time(stall)))
}

/// What the harness lost.
pub(super) fn lost(exchange: &Exchange) -> Option<String> {
    if let Ok(dropped @ 1..) = exchange.far_end.dropped() {
        let frames = super::report::counted(dropped, "frame");
        let queue = exchange.far_end.queue();
        return Some(format!("{queue} dropped {frames}, which nobody read in time"));
    }
    let lost = exchange.accounting().dropped;
    (lost > 0).then(|| format!("the harness lost {}: its queue was full", super::report::counted(lost, "frame")))
}
