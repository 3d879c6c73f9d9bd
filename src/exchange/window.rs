//! A frame that is what was wanted, and came at the wrong time.

use std::time::{Duration, Instant};

use super::accounting::Fate;
use super::report::time;
use super::timeline::Entry;
use super::verdict::Excuse;
use super::{Exchange, Expectation};

/// By how much a frame missed its time, and from when that counts.
#[derive(Clone, Copy)]
pub(super) struct MissedWindow {
    reference: Instant,
    after: Duration,
    missed: Missed,
}

#[derive(Clone, Copy)]
enum Missed {
    /// Not before that time.
    Early(Duration),
    /// Within that time.
    Late(Duration),
}

impl MissedWindow {
    /// `None` where the frame came in time.
    pub(super) fn of(wanted: &Expectation, at: Instant, reference: Instant) -> Option<Self> {
        let after = at.saturating_duration_since(reference);
        let missed = match (wanted.not_before, wanted.within) {
            (Some(early), _) if after < early => Missed::Early(early),
            (_, Some(late)) if after > late => Missed::Late(late),
            _ => return None,
        };
        Some(Self { reference, after, missed })
    }

    /// `#3 matches, but came too late: 20.312 ms after #1, not within 10ms`.
    pub(super) fn told(self, exchange: &Exchange, number: u64) -> String {
        let (word, bound) = match self.missed {
            Missed::Early(early) => ("early", format!("before {early:?}")),
            Missed::Late(late) => ("late", format!("within {late:?}")),
        };
        let event =
            self.event(exchange).map_or_else(|| "the verb began".to_owned(), |event| format!("#{}", event.number));
        format!("#{number} matches, but came too {word}: {} after {event}, not {bound}", time(self.after))
    }

    /// What of the harness's own could be the cause.
    pub(super) fn excuse(self, exchange: &Exchange) -> Excuse {
        let is_received = |event: &Entry| matches!(event.fate, Fate::Matched { .. });
        match self.missed {
            Missed::Late(late) => Excuse::Late { by: self.after.saturating_sub(late) },
            Missed::Early(early) if self.event(exchange).as_ref().is_some_and(is_received) => {
                Excuse::Early { by: early.saturating_sub(self.after) }
            }
            Missed::Early(_) => Excuse::None,
        }
    }

    /// The frame from which the time counts: the last that the test sent or an expectation matched before.
    fn event(self, exchange: &Exchange) -> Option<Entry> {
        let (entries, _) = exchange.timeline.entries();
        let is_event = |entry: &Entry| matches!(entry.fate, Fate::Sent { .. } | Fate::Matched { .. });
        entries.into_iter().filter(|entry| is_event(entry) && entry.at <= self.reference).max_by_key(|entry| entry.at)
    }
}
